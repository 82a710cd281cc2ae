import Preferences
import Testing

@Suite struct DataCheckTests {
    private func vote(
        _ prompt: Int, _ left: String, _ right: String, _ verdict: Verdict, by annotator: String = "w",
        probability: Double? = nil, split: String? = nil, session: String? = nil
    ) -> Vote {
        var vote = Vote(
            task: "\(prompt)", promptID: "\(prompt)", left: Answer(id: left, source: left),
            right: Answer(id: right, source: right), annotator: annotator, verdict: verdict, probability: probability)
        vote.split = split
        vote.session = session
        return vote
    }

    private func kinds(_ votes: [Vote]) -> Set<DataFinding.Kind> { Set(DataCheck(votes).findings.map(\.kind)) }

    @Test func repeatsAndContradictionsAreTold() {
        let votes = [
            vote(1, "a", "b", .left), vote(1, "a", "b", .left), vote(1, "b", "a", .right), vote(1, "a", "b", .right),
            vote(1, "a", "b", .left, by: "x"), vote(2, "a", "b", .tie), vote(2, "a", "b", .skip),
            vote(2, "a", "b", .skip),
        ]
        let repeats = Repeats(votes)
        #expect(repeats.exact == [1], "the same opinion on exchanged sides is none, nor are skips")
        #expect(repeats.agreeing == 1 && repeats.contradicted.count == 1 && repeats.selfContradicted.count == 1)
        #expect(repeats.removed(from: votes).count == 7)
    }

    /// Two baselines, a judge each, always on the left: as in the published battles.
    @Test func starsNestedJudgesAndFixedSidesAreNamed() throws {
        var votes: [Vote] = []
        for prompt in 0..<10 {
            for model in 0..<12 {
                let hubs = model < 7 ? (model < 2 ? ["base one", "base two"] : ["base one"]) : ["base two"]
                for hub in hubs {
                    votes.append(
                        vote(
                            prompt, hub, "model \(model)", (prompt + model) % 3 == 0 ? .left : .right,
                            by: "judge of \(hub)", probability: (prompt + model) % 3 == 0 ? 1 : 0))
                }
            }
        }
        let findings = Dictionary(uniqueKeysWithValues: DataCheck(votes).findings.map { ($0.kind, $0.text) })
        let stars = try #require(findings[.stars])
        #expect(stars.contains("two stars") && stars.contains("All 14 pairs") && stars.contains("2 sources have met"))
        #expect(try #require(findings[.nested]).contains("2 of 2 annotators"))
        #expect(try #require(findings[.fixedSide]).contains("base one left in 70 of 70"))
        #expect(findings[.certain]?.contains("100.0 %") == true && findings[.withoutTexts] != nil)
    }

    @Test func aRoundRobinHasNoStars() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"]
        var votes: [Vote] = []
        for prompt in 0..<4 {
            for (index, left) in names.enumerated() {
                for right in names[(index + 1)...] {
                    votes.append(prompt % 2 == 0 ? vote(prompt, left, right, .left) : vote(prompt, right, left, .left))
                }
            }
        }
        #expect(kinds(votes).isDisjoint(with: [.stars, .nested, .fixedSide, .disconnected]))
    }

    @Test func countsInAreCountsUsed() {
        let votes = [
            vote(1, "a", "b", .left), vote(2, "a", "b", .bothBad), vote(3, "a", "b", .tie), vote(4, "a", "b", .skip),
            vote(5, "a", "a", .left), vote(6, "a", "b", .right, by: "out"), vote(1, "a", "b", .left),
            Vote(
                task: "7", promptID: "7", left: Answer(id: "x"), right: Answer(id: "y"), annotator: "w", verdict: .left),
        ]
        var options = FeedbackAnalysis.Options()
        options.excluded = ["out"]
        let analysis = FeedbackAnalysis(votes, options)
        #expect(analysis.uses.reduce(0) { $0 + $1.count } == votes.count)
        let uses = Dictionary(uniqueKeysWithValues: analysis.uses.map { ($0.name, $0.count) })
        #expect(
            uses == [
                "left": 1, "both_bad": 1, "tie": 1, "skip": 1, "of one source with itself": 1, "annotator left out": 1,
                "exact repeat": 1, "without a source": 1,
            ])
    }

    @Test func leakageBetweenSplitsIsFoundAndHoldOutHasNone() {
        let votes = [
            vote(1, "a", "b", .left, split: "train"), vote(1, "a", "c", .left, split: "test"),
            vote(2, "a", "b", .left, split: "train", session: "s"),
            vote(3, "a", "b", .left, split: "test", session: "s"),
        ]
        let leakage = Leakage(votes)
        #expect(leakage.prompts.map(\.prompt) == ["1"] && leakage.sessions.map(\.session) == ["s"])
        #expect(kinds(votes).contains(.leakage))

        var many = (0..<3000).map { index in
            vote(index / 3, "a", "b", .left, session: index % 7 == 0 ? "session \(index / 70)" : nil)
        }
        HoldOut.assign(&many, share: 0.2, seed: 3)
        let divided = Leakage(many)
        #expect(divided.prompts.isEmpty && divided.sessions.isEmpty)
        let share = Double(divided.sizes["test"] ?? 0) / 3000
        #expect((0.1...0.3).contains(share), "\(share)")
        var reversed = Array(many.reversed())
        HoldOut.assign(&reversed, share: 0.2, seed: 3)
        #expect(Array(reversed.reversed()) == many, "the order of the votes does not matter")
    }
}
