package import PolicyOptimization
package import Torch

/// Everything a PPO update depends on beside weights and batch. Defaults are those of a model of 100M and more.
package struct PPOSettings: Sendable, Equatable {
    package enum Estimator: String, Sendable, Codable, CaseIterable {
        case gae, rloo
        case reinforcePlusPlus = "reinforce++"
        case grpo

        /// GAE alone needs values of states.
        package var needsCritic: Bool { self == .gae }
    }

    package enum CriticKind: String, Sendable, Codable, CaseIterable {
        /// A model of its own with its own optimizer.
        case separate
        /// A head on the policy's trunk.
        case shared
    }

    /// Where the log-probabilities in the denominator of the ratio come from.
    package enum OldLogProbabilities: String, Sendable, Codable, CaseIterable {
        /// The generator's when they are of the learner's own version and agree, else the learner's.
        case automatic
        /// The generator's, whatever the comparison says; it still alarms.
        case generator
        /// Always computed by the learner at the start of the step.
        case recompute
    }

    // Advantages
    package var estimator = Estimator.gae
    package var gamma = 1.0
    package var lambda = 0.95
    /// Of the critic's targets; nil: the same.
    package var valueLambda: Double?
    /// GRPO divides by the deviation of its group; false is Dr. GRPO.
    package var scalesGroups = true
    package var whitenAdvantages = true
    package var whitenRewards = false
    package var bootstrapTruncated = false

    // Rewards
    /// Weight of each named reward in the score.
    package var rewardWeights: [String: Double] = [:]
    /// A reward that is reported and watched, and never trained on.
    package var heldOutReward: String?
    package var scoreShaping = ScoreShaping()
    package var normalizeScores = false
    package var controller = KLController.fixed(beta: 0.05)
    package var penalty = KLEstimator.k1
    /// The penalty is a loss instead of a part of the rewards.
    package var klInLoss = false

    // Losses
    package var epochs = 4
    package var minibatches = 4
    package var microBatchTokens = 4096
    package var losses = PolicyLossSettings()
    package var valueClip: Double? = 0.2
    /// Steps at the start of the run in which the critic alone learns.
    package var criticWarmupSteps = 0
    package var critic = CriticKind.separate
    /// Of the value loss when the trunk is shared.
    package var valueWeight = 0.1
    package var oldLogProbabilities = OldLogProbabilities.automatic

    // Optimizers
    package var policyRate = LearningRateSchedule(peak: 3e-6, total: 1000)
    package var criticRate = LearningRateSchedule(peak: 5e-6, total: 1000)
    package var adam = AdamW.Settings()
    package var gradientNorm = 1.0

    // Guard rails
    package var updateGuard = UpdateGuard()
    package var drift = DriftGuard.Thresholds()

    package var temperature = 1.0
    package var seed: UInt64 = 0
    /// Mean answer length of the reference, if known, for the length alarm.
    package var referenceLength: Double?

    package init() {}

    /// Refuses what cannot work, by name.
    package func validate() throws {
        func check(_ holds: Bool, _ message: String) throws {
            guard holds else { throw LearnerError(.setting, message) }
        }
        try check(epochs >= 1 && minibatches >= 1, "ppo.epochs and ppo.minibatches must be at least 1")
        try check(microBatchTokens >= 1, "ppo.micro_batch_tokens must be at least 1")
        try check(
            [gamma, lambda, valueLambda ?? lambda].allSatisfy { (0...1).contains($0) },
            "ppo.gamma, ppo.lambda and ppo.value_lambda lie in 0...1")
        try check(temperature > 0, "temperature must be above 0: PPO learns from samples")
        try check(losses.clip > 0 && losses.clipHigh ?? 1 > 0, "ppo.clip and ppo.clip_high must be above 0")
        try check(losses.dualClip.map { $0 > 1 } ?? true, "ppo.dual_clip must be above 1")
        try check(
            losses.dualClip == nil || losses.objective == .ppo,
            "ppo.dual_clip needs ppo.policy_loss: ppo; \(losses.objective.rawValue) has no second clip")
        if case .constantLength(let length) = losses.aggregation {
            try check(length >= 1, "the length of ppo.loss_aggregation: constant_length must be at least 1")
        }
        try check(criticWarmupSteps >= 0, "ppo.critic_warmup_steps must be at least 0")
        try check(
            criticWarmupSteps == 0 || (estimator.needsCritic && critic == .separate),
            "ppo.critic_warmup_steps needs a separate critic")
        try check(scalesGroups || estimator == .grpo, "ppo.group_scale: false needs ppo.advantage: grpo")
        try check(gradientNorm > 0, "ppo.gradient_norm must be above 0")
        try check(
            critic == .separate || estimator.needsCritic,
            "ppo.critic: shared needs ppo.advantage: gae; \(estimator.rawValue) has no critic")
    }
}
