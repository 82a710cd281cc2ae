import Preferences
import Testing

@testable import Reports

@Suite struct EstimateTests {
    private func isNear(_ value: Double?, _ expected: Double, _ tolerance: Double = 1e-4) -> Bool {
        value.map { abs($0 - expected) < tolerance } ?? false
    }

    /// Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    @Test(arguments: [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
    ])
    func sharesHaveWilsonsInterval(_ right: Int, _ count: Int, _ low: Double, _ high: Double) {
        let values = (0..<count).map { [$0 < right ? 1.0 : 0] }
        for estimate in [Estimate.mean(values), Estimate.share(Double(right) / Double(count), of: count)] {
            #expect(isNear(estimate?.low, low) && isNear(estimate?.high, high), "\(String(describing: estimate))")
            #expect(estimate?.count == count)
        }
    }

    @Test(arguments: [(1, 12.7062), (4, 2.7764), (5, 2.5706), (10, 2.2281), (30, 2.0423), (120, 1.9799)])
    func quantilesAreThoseOfTheTables(_ degrees: Int, _ expected: Double) {
        #expect(abs(StudentT.quantile975(degrees: degrees) - expected) < 3e-4)
    }

    @Test func meansHaveStudentsInterval() throws {
        let estimate = try #require(Estimate.mean([[1], [2], [3], [4], [5]]))
        #expect(estimate.mean == 3 && estimate.count == 5)
        // sqrt(2.5 / 5) * 2.7764
        #expect(isNear(estimate.low, 3 - 1.96324) && isNear(estimate.high, 3 + 1.96324))
    }

    /// The deviations of whole clusters, by hand: 3 / 2 * (1 + 16 + 9) / 36.
    @Test func answersToOnePromptAreOneCluster() throws {
        let estimate = try #require(Estimate.mean([[1, 2], [3, 5], [], [0, 1]]))
        #expect(estimate.mean == 2 && estimate.count == 6)
        #expect(isNear(estimate.high, 2 + 4.302653 * (39.0 / 36).squareRoot()))
    }

    @Test func onePromptHasNoInterval() {
        #expect(Estimate.mean([[0.3, 0.4]]) == Estimate(mean: 0.35, count: 2))
        #expect(Estimate.mean([]) == nil && Estimate.share([[], []]) == nil)
    }

    /// Answers to a prompt that are all alike are worth one each prompt, not one each answer.
    @Test func equalAnswersAreNoMoreThanOne() throws {
        let once = try #require(Estimate.mean((0..<30).map { [$0 < 20 ? 1.0 : 0] }))
        let often = try #require(Estimate.mean((0..<30).map { [Double]($0 < 20 ? [1, 1, 1, 1] : [0, 0, 0, 0]) }))
        let low = try #require(once.low)
        #expect(isNear(often.low, low, 0.01) && often.mean == once.mean)
    }

    /// 95 of 100 intervals cover the mean, though answers to a prompt resemble one another.
    @Test func intervalsCover() throws {
        var state: UInt64 = 17
        func uniform() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-53
        }
        var covered = (means: 0, shares: 0)
        let rounds = 3000
        for _ in 0..<rounds {
            let prompts = (0..<20).map { _ in uniform() }
            let means = try #require(Estimate.mean(prompts.map { p in (0..<4).map { _ in p + 0.2 * uniform() } }))
            let shares = try #require(Estimate.mean(prompts.map { p in (0..<4).map { _ in uniform() < p ? 1 : 0 } }))
            if let low = means.low, let high = means.high, (low...high).contains(0.6) { covered.means += 1 }
            if let low = shares.low, let high = shares.high, (low...high).contains(0.5) { covered.shares += 1 }
        }
        #expect((0.93...0.97).contains(Double(covered.means) / Double(rounds)), "seed 17: \(covered)")
        #expect((0.93...0.98).contains(Double(covered.shares) / Double(rounds)), "seed 17: \(covered)")
    }

    /// Against every way to choose k of n answers.
    @Test func passAtKIsTheShareOfChoices() {
        for n in 1...8 {
            for c in 0...n {
                for k in 1...n {
                    let choices = (0..<(1 << n)).filter { $0.nonzeroBitCount == k }
                    let passing = choices.count { $0 & ((1 << c) - 1) != 0 }
                    let value = PassAtK.estimate(answers: n, right: c, k: k)
                    #expect(isNear(value, Double(passing) / Double(choices.count), 1e-12), "\(n) \(c) \(k)")
                }
            }
        }
        #expect(PassAtK.estimate(answers: 2, right: 1, k: 4) == nil)
        #expect(passSizes(samples: 1) == [1] && passSizes(samples: 12) == [1, 2, 4, 8])
    }
}
