/// PPO. Defaults are those of a model of 100M parameters and more; the arithmetic stands in PolicyOptimization.
///
/// The trainer takes it as it is: what a key may be and what it means is said here alone.
package struct PPOSection: ConfigurationSection, Equatable {
    package var steps = 100
    package var epochs = 4
    package var minibatches = 4
    package var tokenBudget = 4096
    package var advantage = Advantage.gae
    package var gamma = 1.0
    package var lambda = 0.95
    package var valueLambda: Double?
    package var groupScale = true
    package var whitenAdvantages = true
    package var whitenRewards = false
    package var policyLoss = PolicyLoss.ppo
    package var lossAggregation = LossAggregation.tokenMean
    package var clip = 0.2
    package var clipHigh: Double?
    package var dualClip: Double?
    package var clipLogRatio: Double? = 20
    package var valueClip: Double? = 0.2
    package var valueCoefficient = 0.1
    package var critic = CriticKind.separate
    package var criticFrom = CriticStart.reward
    package var criticWarmupSteps = 0
    package var learningRate = 3e-6
    package var criticLearningRate = 5e-6
    package var betas = [0.9, 0.95]
    package var epsilon = 1e-5
    package var adam = Adam.pytorch
    package var weightDecay = 0.0
    package var weightDecayOn = TrainingSection.WeightDecayScope.matrices
    package var warmup = 0.05
    package var schedule = TrainingSection.Decay.linear
    package var clipNorm = 1.0
    package var entropyCoefficient = 0.0
    package var rewardClip: Double? = 5
    package var normaliseRewards = false
    package var missingEOS = MissingEOS.subtract
    package var missingEOSPenalty = 1.0
    package var overlong: OverlongSection?
    package var bootstrapTruncated = false
    package var kl = KLSection()
    package var targetKL: Double? = 0.1
    package var maxMeanRatio: Double? = 10
    package var klStop: Double?
    package var staleImportanceCap: Double? = 2
    package var oldLogProbabilities = OldLogProbabilities.auto
    package var drift = DriftSection()
    package var lora: LoRASection?
    package var sharedBase: Bool?
    package var gradientCheckpointing = false
    package var sharedReference = false
    package var dtype = TrainingSection.Precision.float32
    package var checkpointEvery = CheckpointEvery.auto
    package var keepCheckpoints = 3

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        visitLoop(&keys)
        visitLosses(&keys)
        visitOptimizers(&keys)
        visitAdapters(&keys)
        visitRewards(&keys)
        visitGuards(&keys)
    }

    private mutating func visitLoop<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "steps", &steps, .within(1...10_000_000), "Steps of the learner; each trains on one batch of rollouts.",
            changes: .nextStep)
        keys.value("epochs", &epochs, .within(1...1000), "Passes over each batch.")
        keys.value("minibatches", &minibatches, .within(1...65536), "Optimizer steps of one pass.")
        keys.value(
            "token_budget", &tokenBudget, .atLeast(1), "Tokens of one micro-batch, padding included.",
            changes: .nextStep)
        keys.value(
            "checkpoint_every", &checkpointEvery, .checkpointEvery,
            "Steps (5) or minutes (10 min) between two checkpoints; a learner that dies repeats the steps since. Default: "
                + "auto, about 5 % of the time, and a fifth of the bytes of the policies.", changes: .free)
        keys.value(
            "keep_checkpoints", &keepCheckpoints, .within(1...100_000), "Checkpoints that are kept.", changes: .free)
    }

    private mutating func visitLosses<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("advantage", &advantage, "Only gae needs a critic; rloo and grpo need several samples of a prompt.")
        keys.value("gamma", &gamma, .within(0...1), "Discount.")
        keys.value(
            "lambda", &lambda, .within(0...1), "Of generalised advantage estimation, for the policy.",
            changes: .nextStep)
        keys.optional(
            "value_lambda", &valueLambda, .within(0...1),
            "Of the critic's targets; 1 keeps its own errors out of them. Default: lambda.", changes: .nextStep)
        keys.value(
            "group_scale", &groupScale, "With grpo, divide by the deviation of the group; false is Dr. GRPO.")
        keys.value("whiten_advantages", &whitenAdvantages, "Over the whole batch, to mean 0 and deviation 1.")
        keys.value("whiten_rewards", &whitenRewards, "Scale token rewards to deviation 1, without a shift.")
        keys.value(
            "policy_loss", &policyLoss,
            "ppo: clipped ratio of a token. gspo: of its whole answer. cispo: bounded ratio times log-probability.")
        keys.value(
            "loss_aggregation", &lossAggregation,
            "Mean over tokens, over answers of each one's mean, or of each one's sum over max_new_tokens (Dr. GRPO). "
                + "Default with gspo: sequence_mean.")
        keys.value(
            "clip", &clip, .within(0.000_001...1),
            "The ratio counts within 1 - clip to 1 + clip. Default with gspo: 3e-4, and 4e-4 for clip_high.",
            changes: .nextStep)
        keys.optional(
            "clip_high", &clipHigh, .within(0.000_001...100),
            "Upper bound of the ratio is 1 + this, the only one of cispo. Default: clip.", changes: .nextStep)
        keys.optional(
            "dual_clip", &dualClip, .above(1), "Bound of the loss where the advantage is negative; 3 is usual.",
            changes: .nextStep)
        keys.optional(
            "clip_log_ratio", &clipLogRatio, .above(0), "Log-ratios are clamped to this, and counted.",
            changes: .nextStep)
        keys.optional(
            "value_clip", &valueClip, .above(0), "How far a value may move from its old one.", changes: .nextStep)
        keys.value(
            "value_coefficient", &valueCoefficient, .within(0...100), "Weight of the value loss on a shared trunk.",
            changes: .nextStep)
        keys.value(
            "entropy_coefficient", &entropyCoefficient, .within(0...10), "Weight of the entropy bonus.",
            changes: .nextStep)
        keys.value("critic", &critic, "separate: a model of its own. shared: a head on the policy.")
        keys.value("critic_from", &criticFrom, "What a separate critic starts from.")
        keys.value(
            "critic_warmup_steps", &criticWarmupSteps, .within(0...10_000_000),
            "Steps at the start in which a separate critic learns alone.")
    }

    private mutating func visitOptimizers<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "learning_rate", &learningRate, .within(0...10), "Peak rate of the policy; toy models want 1e-4 to 5e-4.",
            changes: .nextStep)
        keys.value(
            "critic_learning_rate", &criticLearningRate, .within(0...10), "Peak rate of a separate critic.",
            changes: .nextStep)
        keys.list("betas", &betas, .betas, "AdamW's two betas.")
        keys.value("epsilon", &epsilon, .above(0), "AdamW's epsilon.")
        keys.value("adam", &adam, "Where epsilon stands: inside (pytorch) or outside the bias correction.")
        keys.value("weight_decay", &weightDecay, .within(0...10), "AdamW's weight decay.", changes: .nextStep)
        keys.value("weight_decay_on", &weightDecayOn, .weightDecayHelp)
        keys.value(
            "warmup", &warmup, .within(0...1), "Share of the updates over which the rate climbs.", changes: .nextStep)
        keys.value("schedule", &schedule, "What the rate does after that.", changes: .nextStep)
        keys.value("clip_norm", &clipNorm, .above(0), "Gradients are scaled down to this norm.", changes: .nextStep)
    }

    private mutating func visitAdapters<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optionalSection(
            "lora", &lora, "Train low-rank adapters in place of the whole policy; only they are sent to generators.")
        keys.optional(
            "shared_base", &sharedBase,
            "With lora, whether a separate critic is an adapter and a head over the policy's own base. Default: yes.")
        keys.value(
            "shared_reference", &sharedReference,
            "With lora, let the learner's base without its adapter be the reference: no scorer holds a copy of it.")
        keys.value(
            "gradient_checkpointing", &gradientCheckpointing,
            "Keep less for the backward pass and compute it again: less memory, a third more work, the same bits.",
            changes: .free)
        keys.value(
            "dtype", &dtype,
            "Of the learner's weights that compute; with bfloat16 the optimizer keeps copies in float32, or only the adapter is."
        )
    }

    /// Whether policy and separate critic are adapters over one copy of the base.
    package var sharesBase: Bool { lora != nil && sharedBase ?? true }

    /// Whether the learner's base without an adapter is the reference, so that no scorer holds one.
    package var referenceFromBase: Bool { lora != nil && sharedReference }

    private mutating func visitRewards<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional("reward_clip", &rewardClip, .above(0), "Scores are clipped to plus and minus this.")
        keys.value(
            "normalise_rewards", &normaliseRewards,
            "Divide scores by their running deviation, after their running mean.")
        keys.value("missing_eos", &missingEOS, "What becomes of the score of an answer that did not end by itself.")
        keys.value(
            "missing_eos_penalty", &missingEOSPenalty, .within(-1000...1000), "p: score - p, or -p, or score * p.")
        keys.optionalSection("overlong", &overlong, "A soft punishment of long answers.")
        keys.value(
            "bootstrap_truncated", &bootstrapTruncated, "Let the critic say what a cut answer would have earned.")
        keys.section("kl", &kl, "The penalty for leaving the reference.")
    }

    private mutating func visitGuards<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional(
            "target_kl", &targetKL, .above(0), "Approximate KL of a minibatch that ends the passes over a batch.",
            changes: .nextStep)
        keys.optional(
            "max_mean_ratio", &maxMeanRatio, .above(1), "Mean ratio of a minibatch that skips it.", changes: .nextStep)
        keys.optional(
            "kl_stop", &klStop, .above(0), "Mean sequence KL that pauses the run with an alarm.", changes: .nextStep)
        keys.optional(
            "stale_importance_cap", &staleImportanceCap, .atLeast(1), "Bound of the weight of stale samples.",
            changes: .nextStep)
        keys.value("old_log_probabilities", &oldLogProbabilities, "Whose stand in the denominator of the ratio.")
        keys.section("guard", &drift, "Alarms.")
    }
}

/// How far the policy may go from the reference model.
package struct KLSection: ConfigurationSection, Equatable {
    package enum Controller: String, Sendable, CaseIterable, ChoiceValue { case fixed, adaptive }
    package enum Place: String, Sendable, CaseIterable, ChoiceValue { case reward, loss }

    package var controller = Controller.fixed
    package var coefficient = 0.05
    package var initial = 0.15
    package var target = 6.0
    package var horizon = 10_000.0
    package var place = Place.reward
    package var estimator = KLEstimator.k1

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("controller", &controller, "fixed, or adaptive: follows the target (Ziegler et al. 2019).")
        keys.value("coefficient", &coefficient, .within(0...1000), "beta of the fixed controller.", changes: .nextStep)
        keys.value("initial", &initial, .within(0...1000), "beta at the start of the adaptive one.")
        keys.value("target", &target, .above(0), "Nats a sequence that the adaptive one aims at.", changes: .nextStep)
        keys.value("horizon", &horizon, .above(0), "Samples over which the adaptive one corrects.", changes: .nextStep)
        keys.value("in", &place, "Whether the penalty enters the rewards or the loss.")
        keys.value(
            "estimator", &estimator,
            "k1 has the KL's gradient in rewards, k2 in a loss; k3 in a loss is GRPO's. Default in a loss: k2.")
    }
}

/// Soft punishment of long answers (DAPO): 0 up to maximum - cache tokens, falling to -1 at maximum.
package struct OverlongSection: ConfigurationSection, Equatable {
    package var maximum = 128
    package var cache = 16

    package init() {}

    package init(maximum: Int, cache: Int) {
        self.maximum = maximum
        self.cache = cache
    }

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("maximum", &maximum, .atLeast(1), "Tokens at which the punishment is 1.")
        keys.value("cache", &cache, .atLeast(1), "Tokens before that over which it grows.")
    }
}

/// Signs of a policy that goes astray; each raises an alarm in the status.
package struct DriftSection: ConfigurationSection, Equatable {
    package var repeated4gramAlarm: Double? = 0.5
    package var distinct2Alarm: Double? = 0.02
    package var truncatedAlarm: Double? = 0.9
    package var lengthRatioAlarm: Double? = 3
    package var clippedScoresAlarm: Double? = 0.1
    package var heldOutReward: String?
    package var window = 4

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional(
            "repeated_4gram_alarm", &repeated4gramAlarm, .within(0...1),
            "Share of repeated 4-grams above which it alarms.", changes: .nextStep)
        keys.optional(
            "distinct_2_alarm", &distinct2Alarm, .within(0...1),
            "Share of distinct pairs of tokens below which it alarms.", changes: .nextStep)
        keys.optional(
            "truncated_alarm", &truncatedAlarm, .within(0...1), "Share of answers cut by the length limit.",
            changes: .nextStep)
        keys.optional(
            "length_ratio_alarm", &lengthRatioAlarm, .above(1),
            "Times longer (or shorter) than the reference's answers.", changes: .nextStep)
        keys.optional(
            "clipped_scores_alarm", &clippedScoresAlarm, .within(0...1),
            "Share of the scores that reward_clip changes.", changes: .nextStep)
        keys.optional(
            "held_out_reward", &heldOutReward, "Name of a reward of weight 0 that is watched for over-optimisation.")
        keys.value(
            "window", &window, .within(2...1000), "Measurements over which its trend is judged.", changes: .nextStep)
    }
}
