import Preferences
import Testing

@Suite struct EloTests {
    /// A>B, B>C, C>A, A=B.
    private static let battles = [(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0), (0, 1, 0.5)].map { left, right, score in
        Battle(left: left, right: right, score: score, cluster: 0)
    }

    @Test func fourBattlesHaveTheirKnownRatingsInBothOrders() {
        var elo = Elo(items: 3)
        elo.record(Self.battles)
        #expect(distance(elo.ratings, [998.6000, 1000.6332, 1000.7668]) < 5e-5)
        var reversed = Elo(items: 3)
        reversed.record(Self.battles.reversed())
        #expect(distance(reversed.ratings, [1001.5031, 999.2332, 999.2637]) < 5e-5)
        #expect(abs(elo.ratings.reduce(0, +) - 3000) < 1e-9, "what one wins the other loses")
    }

    @Test func tenThousandRandomBattlesAreRatedAsByEvalica() throws {
        let reference = try Reference.load()
        let battles = reference.battles().battles.filter { [0, 0.5, 1].contains($0.score) }
        var elo = Elo(items: 20)
        elo.record(battles)
        #expect(distance(elo.ratings, reference.elo) < 1e-3)
    }

    @Test func theSpreadCoversEveryOrderAndIsTheSameForASeed() {
        let elo = Elo(items: 3)
        let spread = elo.spread(Self.battles, shuffles: 200, seed: 3)
        #expect(spread == elo.spread(Self.battles, shuffles: 200, seed: 3))
        for (item, (forward, backward)) in zip([998.6000, 1000.6332, 1000.7668], [1001.5031, 999.2332, 999.2637])
            .enumerated()
        {
            #expect(spread[item].low <= min(forward, backward) + 1e-3)
            #expect(spread[item].high >= max(forward, backward) - 1e-3)
        }
        #expect(elo.spread(Self.battles, shuffles: 0).isEmpty)
    }
}
