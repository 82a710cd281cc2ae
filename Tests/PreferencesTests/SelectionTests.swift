import Foundation
import Preferences
import Testing

@Suite struct SelectionTests {
    private let beliefs = (0..<40).map { index in
        let (first, second) = (Double(index % 5) / 5, Double(index % 3) / 3)
        return PairBelief(mean: Double(index % 8) - 3.5, factors: [first, second, 1])
    }

    @Test(arguments: PairSelections.all.map { type(of: $0).name })
    func budgetsAreKeptAndNoPairIsAskedTwice(_ name: String) throws {
        let selection = try #require(PairSelections.named(name))
        for budget in [0, 1, 7, 40, 100] {
            let chosen = selection.choose(beliefs, budget: budget, seed: 1)
            #expect(chosen.count == min(budget, 40) && Set(chosen).count == chosen.count)
            #expect(chosen == selection.choose(beliefs, budget: budget, seed: 1))
        }
        #expect(selection.choose([], budget: 3, seed: 1).isEmpty)
    }

    @Test func uncertaintyAsksWhatIsLeastClear() {
        let beliefs = [3.0, -0.1, 1, 0.4].map { PairBelief(mean: $0, factors: [1]) }
        #expect(UncertaintySelection().choose(beliefs, budget: 3, seed: 9) == [1, 3, 2])
    }

    /// Three pairs that tell the same, and one that tells something else.
    @Test func informationDoesNotAskTheSameAgain() {
        let same = PairBelief(mean: 0, factors: [2, 0])
        let other = PairBelief(mean: 0, factors: [0, 1.5])
        let chosen = InformationSelection().choose([same, same, same, other], budget: 2, seed: 4)
        #expect(Set(chosen).contains(3))
        #expect(Set(UncertaintySelection().choose([same, same, same, other], budget: 2, seed: 4)).count == 2)
    }

    /// The greedy choice is the one that the determinant itself gives.
    @Test func informationIsTheGrowthOfTheDeterminant() {
        let chosen = InformationSelection().choose(beliefs, budget: 12, seed: 2)
        func determinant(_ indices: [Int]) -> Double {
            var matrix = SquareMatrix(order: 3)
            for index in 0..<3 { matrix[index, index] = 1 }
            for index in indices {
                let belief = beliefs[index]
                for a in 0..<3 {
                    for b in 0..<3 { matrix[a, b] += belief.information * belief.factors[a] * belief.factors[b] }
                }
            }
            let (m, s) = (matrix, { (a: Int, b: Int) in matrix[a, b] })
            return s(0, 0) * (s(1, 1) * s(2, 2) - s(1, 2) * s(2, 1)) - s(0, 1) * (s(1, 0) * s(2, 2) - s(1, 2) * s(2, 0))
                + s(0, 2) * (s(1, 0) * m[2, 1] - s(1, 1) * m[2, 0])
        }
        for step in chosen.indices {
            let before = Array(chosen[..<step])
            let best = beliefs.indices.filter { !before.contains($0) }.map { determinant(before + [$0]) }.max() ?? 0
            #expect(abs(determinant(Array(chosen[...step])) - best) < 1e-9 * best)
        }
    }

    @Test func ensemblesDisagreeByTheirVariance() {
        let belief = PairBelief(ensemble: [1, 2, 3])
        #expect(belief.mean == 2 && abs(belief.variance - 1) < 1e-12)
        #expect(PairBelief(ensemble: []).variance == 0)
    }

    @Test func beliefsAreThePosteriorOfTheRatings() throws {
        let empty = BattleTable(items: ["A", "B"], clusters: 0, battles: [])
        let prior = try #require(RatingBelief(empty, priorVariance: 4)).pair(0, 1)
        #expect(abs(prior.mean) < 1e-12 && abs(prior.variance - 8) < 1e-9)
        let table = BattleTable(["A", "B"], counts: [(0, 1, 60, 20, 0)])
        let pair = try #require(RatingBelief(table, priorVariance: 1e6)).pair(0, 1)
        // With hardly a prior: the maximum of the likelihood and the inverse of its information.
        #expect(abs(pair.mean - log(3)) < 1e-3 && abs(pair.variance - 1 / (80 * 0.1875)) < 1e-3)
    }

    /// Ratings learned from votes that each way asks for, round by round: the error of the ratings at equal budgets.
    @Test func askingActivelyIsNotWorseThanAtRandom() throws {
        var errors: [String: Double] = [:]
        for seed in UInt64(1)...5 {
            for selection in PairSelections.all {
                errors[type(of: selection).name, default: 0] += try ratingError(selection, seed: seed) / 5
            }
        }
        print("mean squared error of ratings after 600 votes over seeds 1 to 5: \(errors)")
        let random = try #require(errors["random"])
        #expect(try #require(errors["information"]) < random * 1.05, "\(errors)")
    }

    private func ratingError(_ selection: any PairSelection, seed: UInt64) throws -> Double {
        let models = 30
        var random = SplitMix(seed)
        let truth = (0..<models).map { _ in 1.2 * random.normal() }
        let pairs = (0..<models).flatMap { a in (0..<a).map { (a, $0) } }
        var table = BattleTable(items: (0..<models).map { "\($0)" }, clusters: 0, battles: [])
        for round in 0..<12 {
            let belief = try #require(RatingBelief(table))
            let chosen = selection.choose(
                pairs.map { belief.pair($0.0, $0.1) }, budget: 50, seed: seed &+ UInt64(round))
            for index in chosen {
                let (left, right) = pairs[index]
                // Every tenth vote is flipped.
                let p = Logistic.sigma(truth[left] - truth[right])
                let isFlipped = random.uniform() < 0.1
                let score = (random.uniform() < p) != isFlipped ? 1.0 : 0
                table.battles.append(Battle(left: left, right: right, score: score, cluster: table.battles.count))
            }
        }
        let belief = try #require(RatingBelief(table))
        let mean = (belief.means.reduce(0, +) - truth.reduce(0, +)) / Double(models)
        return zip(belief.means, truth).reduce(0) { $0 + ($1.0 - $1.1 - mean) * ($1.0 - $1.1 - mean) } / Double(models)
    }
}
