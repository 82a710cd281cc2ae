import ClusterModel
package import PolicyOptimization

/// The step's batch with scores, KL and advantages: pure arithmetic between the values and the losses.
///
/// Rows are samples that can be learned from; those without a reward or without a token are dropped and counted.
package struct PreparedBatch: Sendable {
    package struct Row: Sendable {
        package var sample: RolloutSample
        /// After the missing-EOS rule, which may empty it.
        package var mask: [UInt8]
        /// Weighted sum of the rewards, before normalisation, clip and penalties.
        package var rawScore: Double
        /// What enters the last token; nil when the answer left the mask.
        package var score: Double?
        package var behaviour: [Double]
        package var reference: [Double]

        package var prompt: [Int32] { sample.trajectory.promptTokens }
        package var response: [Int32] { sample.trajectory.responseTokens }
        package var ended: Bool { sample.trajectory.finish != .length }
    }

    package private(set) var rows: [Row] = []
    package private(set) var droppedNoReward = 0
    package private(set) var droppedEmpty = 0
    /// Set by ``finish(values:settings:beta:bootstrap:)``; [row][token].
    package private(set) var advantages: [[Double]] = []
    package private(set) var returns: [[Double]] = []
    package private(set) var tokenRewards: [[Double]] = []
    package private(set) var rawAdvantages = Moments(count: 0, mean: 0, variance: 0)

    package var mask: [[UInt8]] { rows.map(\.mask) }
    package var tokens: Int { Masked.count(mask) }

    /// - Parameter moments: of all scores so far; this batch is added when normalisation is on.
    package init(_ samples: [RolloutSample], settings: PPOSettings, moments: inout RunningMoments) {
        var raw: [Double?] = samples.map { Self.score($0, settings: settings) }
        if settings.normalizeScores { moments.add(raw.compactMap { $0 }) }
        for (index, sample) in samples.enumerated() {
            guard sample.trajectory.mask.contains(where: { $0 != 0 }) else {
                droppedEmpty += 1
                raw[index] = nil
                continue
            }
            guard let score = raw[index] else {
                droppedNoReward += 1
                continue
            }
            let normalized = settings.normalizeScores ? moments.normalized(score) : score
            let shaped = settings.scoreShaping.shape(
                normalized, ended: sample.trajectory.finish != .length, length: sample.trajectory.responseTokens.count)
            let mask = sample.trajectory.mask
            rows.append(
                Row(
                    sample: sample, mask: shaped == nil ? [UInt8](repeating: 0, count: mask.count) : mask,
                    rawScore: score, score: shaped,
                    behaviour: sample.trajectory.logProbabilities.map(Double.init),
                    reference: sample.reference.isEmpty
                        ? sample.trajectory.logProbabilities.map(Double.init) : sample.reference.map(Double.init)))
        }
    }

    /// Weighted sum of the named rewards; nil when one of them failed or is not finite: a reward that fails is never
    /// scored 0 in silence.
    private static func score(_ sample: RolloutSample, settings: PPOSettings) -> Double? {
        // A reward of weight 0 is reported alone; that it failed is no reason to lose the sample.
        let trained = sample.rewards.filter {
            $0.key != settings.heldOutReward && settings.rewardWeights[$0.key] != 0
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
                penalty: settings.penalty)
        }
        if settings.whitenRewards { rewards = Masked.whitened(rewards, mask, shiftMean: false) }
        tokenRewards = rewards
        switch settings.estimator {
        case .gae:
            let gae = GeneralizedAdvantage(gamma: settings.gamma, lambda: settings.lambda)
            let results = try rows.indices.map { index in
                try gae.estimate(
                    rewards: rewards[index], values: values[index], mask: rows[index].mask,
                    bootstrap: bootstrap.isEmpty ? 0 : bootstrap[index])
            }
            advantages = results.map(\.advantages)
            returns = results.map(\.returns)
        case .reinforcePlusPlus:
            advantages = rows.indices.map {
                GroupAdvantages.rewardsToGo(rewards[$0], mask: rows[$0].mask, gamma: settings.gamma)
            }
            returns = advantages
        case .rloo, .grpo:
            let totals = rewards.map { $0.reduce(0, +) }
            let groups = Rollouts.groups(rows.map(\.sample.trajectory))
            let whole =
                settings.estimator == .rloo
                ? GroupAdvantages.leaveOneOut(totals, groups: groups)
                : GroupAdvantages.groupNormalized(totals, groups: groups)
            advantages = rows.indices.map { index in rows[index].mask.map { $0 == 0 ? 0 : whole[index] } }
            returns = advantages
        }
        rawAdvantages = Masked.moments(advantages, mask)
        // The group's own mean (and deviation) is the normalisation of RLOO and GRPO.
        if settings.whitenAdvantages, settings.estimator == .gae || settings.estimator == .reinforcePlusPlus {
            advantages = Masked.whitened(advantages, mask)
        }
    }
}
