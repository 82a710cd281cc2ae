import Foundation
import Preferences
import Testing

@Suite struct StyleTests {
    @Test func theDifferenceIsTheArenas() {
        #expect(abs(StyleControl.difference(300, 100) - 0.49875) < 5e-6)
        #expect(StyleControl.difference(0, 0) == 0)
    }

    @Test func markdownIsCountedOutsideOfCode() {
        let counts = StyleCounts(
            text: """
                # Title
                Some **bold** and __more__ words, 2 ** 3.
                - one
                2. two
                ```
                # no header
                - no item **no bold**
                ```
                #no header
                """)
        #expect(counts.headers == 1 && counts.lists == 2 && counts.bold == 2)
        #expect(counts.length == 2 + 8 + 2 + 2 + 1 + 3 + 5 + 1 + 2)
    }

    private static func vote(_ a: String, _ b: String, _ lengths: (Double, Double), _ verdict: Verdict, _ prompt: Int)
        -> Vote
    {
        func answer(_ name: String, _ length: Double) -> Answer {
            Answer(id: name, source: name, style: StyleCounts(length: length))
        }
        return Vote(
            task: "\(prompt)", promptID: "\(prompt)", left: answer(a, lengths.0), right: answer(b, lengths.1),
            annotator: "w", verdict: verdict)
    }

    /// `long` writes twice as much, and length is all that counts: with style held equal the two are alike.
    @Test func styleControlTakesLengthAway() throws {
        let seed = UInt64(21)
        var random = SplitMix(seed)
        let votes = (0..<3000).map { prompt in
            let isLongLeft = random.uniform() < 0.5
            let base = 100 + 200 * random.uniform()
            let long = base * (0.8 + 1.6 * random.uniform())
            let p = Logistic.sigma(3 * StyleControl.difference(long, base))
            let longWins = random.uniform() < p
            return isLongLeft
                ? Self.vote("long", "short", (long, base), longWins ? .left : .right, prompt)
                : Self.vote("short", "long", (base, long), longWins ? .right : .left, prompt)
        }
        let board = Leaderboard(BattleTable(votes), votes: votes)
        let long = try #require(board.rows.first { $0.name == "long" })
        let (raw, styled) = (try #require(long.rating?.value), try #require(long.styled?.value))
        #expect(raw > 1040 && abs(styled - 1000) < 25, "raw \(raw), styled \(styled), seed \(seed)")
        let style = try #require(board.style?.first)
        #expect(style.name == "length" && style.coefficient > 0.5)

        let rates = try #require(BaselineRates(BattleTable(votes), votes: votes, baseline: "short"))
        let row = try #require(rates.rows.first)
        let control = try #require(row.length)
        #expect(row.scoreRate > 0.62 && abs(control.controlled - 0.5) < 0.05, "\(control), seed \(seed)")
    }

    /// With all lengths equal at 0 the controlled rate is sigma of the fitted terms; known parameters come back.
    @Test func lengthControlFindsWhatWasPutIn() throws {
        let seed = UInt64(22)
        var random = SplitMix(seed)
        let differences = (0..<20_000).map { _ in 50 * random.normal() }
        let cases = differences.map { difference in
            let difficulty = random.normal()
            let p = Logistic.sigma(-1 + 1.5 * tanh(difference / 50) + 0.5 * difficulty)
            return LengthControl.Case(
                difference: difference, difficulty: difficulty, score: random.uniform() < p ? 1 : 0)
        }
        let control = try #require(LengthControl(cases))
        #expect(abs(control.lengthCoefficient - 1.5) < 0.1, "seed \(seed)")
        let expected =
            cases.reduce(0.0) { $0 + Logistic.sigma(-1 + 0.5 * $1.difficulty) } / Double(cases.count)
        #expect(abs(control.controlled - expected) < 0.01 && !control.isSuspicious)
        #expect(LengthControl([LengthControl.Case(difference: 3, score: 1)]) == nil, "one length tells nothing")
    }

    @Test func aBaselineWithoutBattlesHasNoRates() {
        let votes = [Self.vote("a", "b", (1, 2), .left, 1)]
        #expect(BaselineRates(BattleTable(votes), votes: votes, baseline: "c") == nil)
    }

    /// Soft votes of 0.6 are 60 % of the share and all of the wins.
    @Test func bothRatesAreNamed() throws {
        var votes = (0..<10).map { Self.vote("a", "b", (1, 2), .left, $0) }
        for index in votes.indices { votes[index].probability = 0.6 }
        let rates = try #require(BaselineRates(BattleTable(votes), votes: votes, baseline: "b"))
        #expect(abs(rates.rows[0].scoreRate - 0.6) < 1e-12 && rates.rows[0].winRate == 1)
    }
}
