import ClusterModel
package import PolicyOptimization
import RunConfiguration

/// The step's batch with scores, KL and advantages: pure arithmetic between the values and the losses.
///
/// Rows are samples with a reward and a token; the others are dropped and counted. A row whose answer was cut may leave
/// the mask (`missing_eos: mask`): it is still reported on, and enters no figure that anything is learned from.
package struct PreparedBatch: Sendable {
    package struct Row: Sendable {
        package var sample: RolloutSample
        /// After the missing-EOS rule, which may empty it.
        package var mask: [UInt8]
        /// Weighted sum of the rewards, before normalisation, clip and penalties.
        package var rawScore: Double
        /// What enters the last token; nil when the answer left the mask.
        package var score: Double?
        /// Whether the clip changed the score that enters.
        package var scoreIsClipped: Bool
        package var behaviour: [Double]
        package var reference: [Double]
        /// False: `reference` repeats `behaviour`, and there is no KL to report.
        package var hasReference: Bool

        /// Whether it is learned from.
        package var isLearned: Bool { score != nil }
        package var prompt: [Int32] { sample.trajectory.promptTokens }
        package var response: [Int32] { sample.trajectory.responseTokens }
        package var ended: Bool { sample.trajectory.finish != .length }
    }

    package private(set) var rows: [Row] = []
    package private(set) var droppedNoReward = 0
    package private(set) var droppedEmpty = 0
    /// By name: answers for which this reward failed.
    package private(set) var failedRewards: [String: Int] = [:]
    /// Set by ``finish(values:settings:beta:bootstrap:)``; [row][token].
    package private(set) var advantages: [[Double]] = []
    package private(set) var returns: [[Double]] = []
    package private(set) var tokenRewards: [[Double]] = []
    package private(set) var rawAdvantages = Moments(count: 0, mean: 0, variance: 0)

    package var mask: [[UInt8]] { rows.map(\.mask) }
    package var tokens: Int { Masked.count(mask) }
    /// Indices of the rows that are learned from.
    package var learned: [Int] { rows.indices.filter { rows[$0].isLearned } }
    /// Answers that no other answer to their prompt can be compared with; set with a group estimator.
    package private(set) var withoutComparison: Int?

    /// Share of the groups of two answers or more whose scores are all the same; set with a group estimator.
    package private(set) var groupsWithoutSpread: Double?

    /// - Parameter moments: of all scores so far; this batch is added when normalisation is on.
    package init(_ samples: [RolloutSample], settings: PPOSettings, moments: inout RunningMoments) {
        var scored: [(sample: RolloutSample, score: Double)] = []
        for sample in samples {
            for (name, value) in sample.rewards {
                failedRewards[name, default: 0] += value.map(\.isFinite) == true ? 0 : 1
            }
            guard sample.trajectory.mask.contains(where: { $0 != 0 }) else {
                droppedEmpty += 1
                continue
            }
            guard let score = Self.score(sample, settings: settings) else {
                droppedNoReward += 1
                continue
            }
            scored.append((sample, score))
        }
        func shaped(_ sample: RolloutSample, _ score: Double) -> Double? {
            settings.scoreShaping.shape(
                score, ended: sample.trajectory.finish != .length, length: sample.trajectory.responseTokens.count)
        }
        if settings.ppo.normaliseRewards {
            moments.add(scored.filter { shaped($0.sample, $0.score) != nil }.map(\.score))
        }
        for (sample, score) in scored {
            let normalized = settings.ppo.normaliseRewards ? moments.normalized(score) : score
            let shaped = shaped(sample, normalized)
            let mask = sample.trajectory.mask
            rows.append(
                Row(
                    sample: sample, mask: shaped == nil ? [UInt8](repeating: 0, count: mask.count) : mask,
                    rawScore: score, score: shaped,
                    scoreIsClipped: shaped != nil && settings.scoreShaping.clips(normalized),
                    behaviour: sample.trajectory.logProbabilities.map(Double.init),
                    reference: sample.reference.isEmpty
                        ? sample.trajectory.logProbabilities.map(Double.init) : sample.reference.map(Double.init),
                    hasReference: !sample.reference.isEmpty))
        }
    }

    /// Advantages of whole answers, each compared with the answers to the same prompt that are learned from; 0 for one
    /// that is not.
    private mutating func compared(totals: [Double], settings: PPOSettings) -> [Double] {
        let learned = learned
        let groups = Rollouts.groups(learned.map { rows[$0].sample.trajectory })
        let rewards = learned.map { totals[$0] }
        let advantages =
            settings.ppo.advantage == .rloo
            ? GroupAdvantages.leaveOneOut(rewards, groups: groups)
            : GroupAdvantages.groupNormalized(rewards, groups: groups, scaled: settings.ppo.groupScale)
        withoutComparison = Dictionary(groups.map { ($0, 1) }, uniquingKeysWith: +).values.filter { $0 == 1 }.count
        let scores = Dictionary(grouping: zip(groups, learned), by: \.0).values.filter { $0.count > 1 }
            .map { group in Set(group.map { rows[$0.1].score }) }
        groupsWithoutSpread = scores.isEmpty ? nil : Double(scores.count { $0.count == 1 }) / Double(scores.count)
        var whole = [Double](repeating: 0, count: rows.count)
        for (index, advantage) in zip(learned, advantages) { whole[index] = advantage }
        return whole
    }

    /// Weighted sum of the named rewards; nil when one of them failed or is not finite: a reward that fails is never
    /// scored 0 in silence.
    private static func score(_ sample: RolloutSample, settings: PPOSettings) -> Double? {
        // A reward of weight 0 is reported alone; that it failed is no reason to lose the sample.
        let trained = sample.rewards.filter {
            $0.key != settings.ppo.drift.heldOutReward && settings.rewardWeights[$0.key] != 0
        }
        var sum = 0.0
        // Sorted: the order of a dictionary differs from process to process, and so would the last bit of the sum.
        for (name, value) in trained.sorted(by: { $0.key < $1.key }) {
            guard let value, value.isFinite else { return nil }
            sum += (settings.rewardWeights[name] ?? 1) * Double(value)
        }
        return trained.isEmpty ? nil : sum
    }

    /// Advantages and returns of all rows; whitening over the whole batch, once.
    ///
    /// - Parameters:
    ///   - old: log-probabilities of the learner's policy at the start of the step, [row][token].
    ///   - values: the critic's, [row][token]; empty without a critic.
    ///   - bootstrap: value after the last token of each row; empty = 0.
    package mutating func finish(
        old: [[Double]], values: [[Double]], settings: PPOSettings, beta: Double, bootstrap: [Double] = []
    ) throws {
        var rewards = try rows.enumerated().map { index, row in
            try TokenRewards.make(
                score: row.score, logProbabilities: old[index], reference: row.reference, mask: row.mask, beta: beta,
                penalty: settings.ppo.kl.estimator)
        }
        if settings.ppo.whitenRewards { rewards = Masked.whitened(rewards, mask, shiftMean: false) }
        tokenRewards = rewards
        switch settings.ppo.advantage {
        case .gae:
            let gae = GeneralizedAdvantage(
                gamma: settings.ppo.gamma, lambda: settings.ppo.lambda, valueLambda: settings.ppo.valueLambda)
            let results = try rows.indices.map { index in
                try gae.estimate(
                    rewards: rewards[index], values: values[index], mask: rows[index].mask,
                    bootstrap: bootstrap.isEmpty ? 0 : bootstrap[index])
            }
            advantages = results.map(\.advantages)
            returns = results.map(\.returns)
        case .reinforcePlusPlus:
            advantages = rows.indices.map {
                GroupAdvantages.rewardsToGo(rewards[$0], mask: rows[$0].mask, gamma: settings.ppo.gamma)
            }
            returns = advantages
        case .rloo, .grpo:
            let whole = compared(totals: rewards.map { $0.reduce(0, +) }, settings: settings)
            advantages = rows.indices.map { index in rows[index].mask.map { $0 == 0 ? 0 : whole[index] } }
            returns = advantages
        }
        rawAdvantages = Masked.moments(advantages, mask)
        // The group's own mean (and deviation) is the normalisation of RLOO and GRPO.
        if settings.ppo.whitenAdvantages, settings.ppo.advantage == .gae || settings.ppo.advantage == .reinforcePlusPlus
        {
            advantages = Masked.whitened(advantages, mask)
        }
    }
}
