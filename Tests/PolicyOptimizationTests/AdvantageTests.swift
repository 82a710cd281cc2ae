import Testing

@testable import PolicyOptimization

@Suite struct AdvantageTests {
    @Test func recursionEqualsTheSumOfDiscountedDeltas() throws {
        var random = CounterGenerator(7)
        for _ in 0..<50 {
            let n = 1 + Int(random.uniform() * 12)
            let rewards = (0..<n).map { _ in random.uniform() * 4 - 2 }
            let values = (0..<n).map { _ in random.uniform() * 4 - 2 }
            let mask = (0..<n).map { _ in UInt8(random.uniform() < 0.8 ? 1 : 0) }
            let kept = mask.indices.filter { mask[$0] != 0 }
            let (gamma, lambda) = (0.97, 0.9)
            let result = try GeneralizedAdvantage(gamma: gamma, lambda: lambda).estimate(
                rewards: rewards, values: values, mask: mask)
            // Equation 16 as it stands in the paper, over the tokens that count.
            for (i, t) in kept.enumerated() {
                var sum = 0.0
                var weight = 1.0
                for (j, u) in kept.enumerated().dropFirst(i) {
                    let next = j + 1 < kept.count ? values[kept[j + 1]] : 0
                    sum += weight * (rewards[u] + gamma * next - values[u])
                    weight *= gamma * lambda
                }
                #expect(abs(result.advantages[t] - sum) < 1e-9)
                #expect(abs(result.returns[t] - (sum + values[t])) < 1e-9)
            }
            for t in mask.indices where mask[t] == 0 { #expect(result.advantages[t] == 0) }
        }
    }

    @Test func bootstrapReachesTheLastToken() throws {
        let result = try GeneralizedAdvantage(gamma: 1, lambda: 1).estimate(
            rewards: [0, 0], values: [0, 0], mask: [1, 1], bootstrap: 3)
        #expect(result.advantages == [3, 3])
    }

    /// Decoupled GAE: the critic's targets have a lambda of their own, the policy's advantages keep theirs.
    @Test func theCriticMayHaveALambdaOfItsOwn() throws {
        let rewards = [1.0, 2, 3]
        let values = [0.5, 1, 1.5]
        let both = try GeneralizedAdvantage(gamma: 1, lambda: 0.5, valueLambda: 1).estimate(
            rewards: rewards, values: values, mask: [1, 1, 1])
        // Lambda 1: the sum of the rewards to come, whatever the critic thought.
        #expect(both.returns == [6, 5, 3])
        let policy = try GeneralizedAdvantage(gamma: 1, lambda: 0.5).estimate(
            rewards: rewards, values: values, mask: [1, 1, 1])
        #expect(both.advantages == policy.advantages && both.returns != policy.returns)
    }

    @Test func lengthsThatDifferAreRefused() {
        #expect(throws: PolicyOptimizationError.self) {
            try GeneralizedAdvantage().estimate(rewards: [1], values: [1, 2], mask: [1, 1])
        }
    }

    @Test func constantRewardWhitensToNothing() throws {
        let values = [[Double](repeating: 0.25, count: 5), [Double](repeating: 0.25, count: 5)]
        let mask = [[UInt8]](repeating: [1, 1, 1, 1, 1], count: 2)
        let white = Masked.whitened(values, mask)
        #expect(white.allSatisfy { $0.allSatisfy { $0 == 0 } })
        let groups = GroupAdvantages.groupNormalized([2, 2, 2, 2], groups: [0, 0, 1, 1])
        #expect(groups == [0, 0, 0, 0])
        #expect(GroupAdvantages.leaveOneOut([2, 2, 2, 2], groups: [0, 0, 1, 1]) == [0, 0, 0, 0])
    }

    @Test func whitenedHasMeanZeroAndUnitUnbiasedVariance() {
        let values: [[Double]] = [[1, 5, 1000], [3, -2, 8]]
        let mask: [[UInt8]] = [[1, 1, 0], [1, 1, 1]]
        let moments = Masked.moments(Masked.whitened(values, mask), mask)
        #expect(abs(moments.mean) < 1e-12)
        #expect(abs(moments.variance - 1) < 1e-8)
        let kept = Masked.moments(Masked.whitened(values, mask, shiftMean: false), mask)
        #expect(abs(kept.mean - 3) < 1e-12)
    }

    @Test func groupNormalizedUsesTheGroupsOwnMoments() {
        let advantages = GroupAdvantages.groupNormalized([1, 3, 10, 10], groups: [0, 0, 1, 1])
        #expect(abs(advantages[0] + 1 / 2.0.squareRoot()) < 1e-5)
        #expect(abs(advantages[1] - 1 / 2.0.squareRoot()) < 1e-5)
        #expect(advantages[2] == 0)
        #expect(GroupAdvantages.groupNormalized([1, 3], groups: [0, 0], scaled: false) == [-1, 1])
        #expect(GroupAdvantages.groupNormalized([5], groups: [0]) == [0])
    }

    @Test func rewardsToGoSkipTheGap() {
        #expect(GroupAdvantages.rewardsToGo([1, 100, 2, 3], mask: [1, 0, 1, 1], gamma: 0.5) == [2.75, 0, 3.5, 3])
    }
}
