import Foundation
import Preferences
import Testing

@Suite struct BradleyTerryTests {
    private func fit(_ table: BattleTable) throws -> BradleyTerry {
        try #require(BradleyTerry(table, among: Array(table.items.indices)))
    }

    /// The example of the encyclopaedia: A:B 2:3, A:D 1:4, B:C 5:3, C:D 1:3.
    @Test func theExampleHasItsKnownValues() throws {
        let table = BattleTable(
            ["A", "B", "C", "D"], counts: [(0, 1, 2, 3, 0), (0, 3, 1, 4, 0), (1, 2, 5, 3, 0), (2, 3, 1, 3, 0)])
        let fit = try fit(table)
        #expect(distance(fit.ratings.map { exp($0) }, [0.640, 1.043, 0.660, 2.270]) < 5e-4)
        let scale = RatingScale()
        #expect(distance(fit.ratings.map { scale.shown($0) }, [922.43, 1007.37, 927.77, 1142.44]) < 5e-3)
        let errors = fit.ratings.indices.map { fit.modelCovariance[$0, $0].squareRoot() }
        #expect(distance(errors, [0.548, 0.482, 0.520, 0.621]) < 5e-4)
        #expect(abs(fit.ratings.reduce(0, +)) < 1e-9, "the gauge is a mean of 0")
    }

    @Test func tenThousandRandomBattlesAreRatedAsByOtherPackages() throws {
        let reference = try Reference.load()
        let table = reference.battles()
        let fit = try fit(table)
        // statsmodels: ratings, clustered and plain errors.
        #expect(distance(fit.ratings, reference.bradleyTerry.ratings) < 1e-5)
        #expect(distance(try #require(fit.errors), reference.bradleyTerry.errors) < 1e-5)
        let errors = fit.ratings.indices.map { fit.modelCovariance[$0, $0].squareRoot() }
        #expect(distance(errors, reference.bradleyTerry.modelErrors) < 1e-5)
        // choix and evalica take wins alone.
        var wins = table
        wins.battles = table.battles.filter { $0.score == 0 || $0.score == 1 }
        let ratings = try self.fit(wins).ratings
        #expect(distance(ratings, reference.decisive.choix) < 1e-3)
        #expect(distance(ratings, reference.decisive.evalica) < 1e-3)
    }

    @Test func covariatesAndTheirPenaltyAreThoseOfADirectMinimisation() throws {
        let reference = try Reference.load()
        let table = reference.battles()
        let fit = try #require(BradleyTerry(table, among: Array(0..<20), covariates: 2, ridge: 0.5))
        #expect(distance(fit.ratings, reference.style.ratings) < 1e-3)
        #expect(distance(fit.coefficients, reference.style.coefficients) < 1e-3)
    }

    @Test func weightsAreWorthAsManyVotes() throws {
        var table = BattleTable(["A", "B", "C"], counts: [(0, 1, 3, 1, 1), (1, 2, 2, 2, 0), (0, 2, 4, 1, 0)])
        let once = try fit(table)
        for index in table.battles.indices { table.battles[index].weight = 2 }
        let heavy = try fit(table)
        #expect(distance(once.ratings, heavy.ratings) < 1e-9)
        // Clustered intervals do not shrink because votes are called heavy.
        #expect(distance(try #require(once.errors), try #require(heavy.errors)) < 1e-9)
        #expect(heavy.modelCovariance[0, 0] < once.modelCovariance[0, 0] * 0.51)
    }

    @Test func thereIsNoRatingWithoutAMaximum() throws {
        let won = BattleTable(["A", "B"], counts: [(0, 1, 5, 0, 0)])
        #expect(Connectivity(won).rated.isEmpty)
        let oneCluster = BattleTable(
            items: ["A", "B"], clusters: 1,
            battles: [Battle(left: 0, right: 1, score: 1, cluster: 0), Battle(left: 0, right: 1, score: 0, cluster: 0)])
        let fit = try fit(oneCluster)
        #expect(fit.errors == nil && fit.covariance == nil, "one prompt says nothing of the spread")
    }

    /// Votes of three annotators on a pair, who often copy the first: dependent within a prompt, and each alone with the
    /// probability of the model. Plain errors are too small then.
    @Test func intervalsCoverTheTruthInNinetyFiveOfAHundredSimulations() throws {
        let (models, simulations, seed) = (20, 200, UInt64(95))
        var random = SplitMix(seed)
        var truth = (0..<models).map { _ in 0.8 * random.normal() }
        let mean = truth.reduce(0, +) / Double(models)
        truth = truth.map { $0 - mean }
        var covered = [Int](repeating: 0, count: models)
        var coveredPlainly = 0
        for _ in 0..<simulations {
            var battles: [Battle] = []
            for prompt in 0..<120 {
                for _ in 0..<6 {
                    let left = random.below(models)
                    let right = (left + 1 + random.below(models - 1)) % models
                    let p = Logistic.sigma(truth[left] - truth[right])
                    let first = random.uniform() < p ? 1.0 : 0
                    for vote in 0..<3 {
                        let copies = vote > 0 && random.uniform() < 0.6
                        let score = copies || vote == 0 ? first : random.uniform() < p ? 1 : 0
                        battles.append(Battle(left: left, right: right, score: score, cluster: prompt))
                    }
                }
            }
            let table = BattleTable(items: (0..<models).map { "\($0)" }, clusters: 120, battles: battles)
            let fit = try #require(BradleyTerry(table, among: Array(0..<models)), "seed \(seed)")
            let errors = try #require(fit.errors)
            for model in 0..<models {
                let off = abs(fit.ratings[model] - truth[model])
                if off < fit.reach * errors[model] { covered[model] += 1 }
                if off < 1.96 * fit.modelCovariance[model, model].squareRoot() { coveredPlainly += 1 }
            }
        }
        let share = Double(covered.reduce(0, +)) / Double(models * simulations)
        let plain = Double(coveredPlainly) / Double(models * simulations)
        #expect((0.93...0.97).contains(share), "coverage \(share) with seed \(seed)")
        #expect(plain < 0.92, "plain errors cover \(plain), so that clusters would make no difference")
    }
}
