import RunConfiguration
import Testing

@testable import PolicyOptimization

/// Numbers that other systems' tests hold; each row names where it comes from.
@Suite struct PublishedNumbers {
    static func close(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-9) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
    }

    @Test(
        "GAE (SkyRL, test_ppo_utils)",
        arguments: [
            (1.0, 1.0, [5.5, 4, 1.5], [6.0, 5, 3]), (0.5, 1.0, [2.25, 2.5, 1.5], [2.75, 3.5, 3]),
            (1.0, 0.5, [3.125, 3.25, 1.5], [3.625, 4.25, 3]),
        ])
    func gae(gamma: Double, lambda: Double, advantages: [Double], returns: [Double]) throws {
        let result = try GeneralizedAdvantage(gamma: gamma, lambda: lambda).estimate(
            rewards: [1, 2, 3], values: [0.5, 1, 1.5], mask: [1, 1, 1])
        #expect(Self.close(result.advantages, advantages))
        #expect(Self.close(result.returns, returns))
    }

    @Test("GAE over a masked gap (NeMo-RL, test_ppo)")
    func maskedGap() throws {
        let result = try GeneralizedAdvantage(gamma: 0.99, lambda: 0.95).estimate(
            rewards: [0, 0, 0, 0, 1], values: [0.1, 0.2, 999, 0.4, 0.5], mask: [1, 1, 0, 1, 1])
        #expect(Self.close(result.advantages, [0.78232, 0.72762, 0, 0.56525, 0.5], 5e-6))
    }

    @Test("masked mean and variance (TRL 0.11, test_core)")
    func moments() {
        #expect(Masked.mean([1, 2, 3, 4], [0, 1, 1, 0]) == 2.5)
        #expect(Masked.variance([1, 2, 3, 4], [0, 1, 1, 0]) == 0.5)
    }

    @Test("KL estimators (NeMo-RL, test_loss_functions)")
    func estimators() {
        let references = [0.0, -15, -30]
        func all(_ kind: KLEstimator, clamp: Double = .infinity) -> [Double] {
            references.map { kind(-1, $0, clamp: clamp) }
        }
        #expect(Self.close(all(.k1), [-1, 14, 29]))
        #expect(Self.close(all(.k2), [0.5, 98, 420.5]))
        #expect(Self.close(all(.k3), [0.7183, 13, 28], 1e-4))
        #expect(Self.close(all(.k3, clamp: 10), [0.7183, 10, 10], 1e-4))
    }

    @Test("KL of whole distributions (TRL 0.7, test_ppo_trainer)")
    func exact() {
        #expect(abs(KLEstimator.exact([0.98, 0.01, 0.01], [0.01, 0.01, 0.98]) - 4.4474) < 1e-4)
        #expect(abs(KLEstimator.exact([0.49, 0.02, 0.49], [0.01, 0.98, 0.01]) - 3.7361) < 1e-4)
    }

    @Test("adaptive KL (SkyRL)")
    func adaptive() {
        var state = AdaptiveKL(beta: 0.2, target: 0.1, horizon: 100)
        state.update(sequenceKL: 0.2, samples: 10)
        #expect(abs(state.beta - 0.204) < 1e-12)
    }

    @Test("policy loss (NeMo-RL)")
    func policyLoss() {
        let new = [-1.69315, -1, -0.59453]
        let losses = zip([1.0, -1, 2], new).map { ReferenceLoss.policy(advantage: $0, new: $1, old: -1) }
        #expect(Self.close(losses, [-0.5, 1, -2.4], 1e-5))
    }

    @Test("dual clip (SkyRL, test_losses)")
    func dualClip() {
        let rows = [(1.0, -1.69315, -1.0), (-1, -1, -1), (-4, -0.69741, -3)]
        let losses = rows.map { ReferenceLoss.policy(advantage: $0.0, new: $0.1, old: $0.2, dualClip: 3) }
        #expect(Self.close(losses, [-0.5, 1, 12], 1e-5))
    }

    @Test("RLOO (TRL 0.11, test_rloo_trainer)")
    func rloo() {
        let rewards: [Double] = [1, 2, 3, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        let advantages = GroupAdvantages.leaveOneOut(rewards, groups: (0..<12).map { $0 % 3 })
        let expected = [-4, -2.6667, 1.3333, 5.3333].flatMap { [Double](repeating: $0, count: 3) }
        #expect(Self.close(advantages, expected, 5e-5))
    }

    @Test("sum of tokens over ranks (verl)", arguments: [1, 2, 4])
    func tokenSum(parts: Int) {
        let loss: [[Double]] = [[1, 2, 30], [4, 50, 6]]
        let mask: [[UInt8]] = [[1, 1, 0], [1, 0, 1]]
        #expect(ReferenceLoss.tokenWeighted(loss, mask, globalTokens: 1, ranks: 4) == 52)
        // Four answers in `parts` micro-batches: the sum of the parts is the whole.
        let four = loss + loss
        let fourMask = mask + mask
        let whole = ReferenceLoss.tokenWeighted(four, fourMask, globalTokens: 8)
        let size = 4 / parts
        let sum = (0..<parts).reduce(0.0) { sum, part in
            let range = part * size..<(part + 1) * size
            return sum + ReferenceLoss.tokenWeighted(Array(four[range]), Array(fourMask[range]), globalTokens: 8)
        }
        #expect(abs(sum - whole) < 1e-12)
        #expect(whole == 26.0 / 8)
    }

    @Test("staleness gate (AReaL, test_staleness_manager)")
    func staleness() {
        let gate = StalenessGate(eta: 2, batch: 4, concurrency: 1000)
        #expect(gate.capacity(version: 0, accepted: 0, running: 0) == 12)
        #expect(gate.capacity(version: 5, accepted: 0, running: 0) == 32)
        #expect(
            StalenessGate(eta: 10, batch: 32, concurrency: 100).capacity(version: 0, accepted: 0, running: 0) == 100)
        #expect(gate.capacity(version: 0, accepted: 8, running: 4) == 0)
    }

    @Test("overlong penalty (TRL, test_rewards)", arguments: [(50, 0.0), (90, -0.5), (110, -1)])
    func overlong(length: Int, expected: Double) {
        #expect(abs(OverlongSection(maximum: 100, cache: 20).penalty(length: length) - expected) < 1e-12)
    }
}
