package import PolicyOptimization

/// What a step did, under the names that verl's users know.
package struct StepReport: Sendable, Equatable {
    /// The step that was made: the policy is now version `step + 1`.
    package var step: Int
    package var metrics: [String: Double]
    package var alarms: [Alarm]
    /// Set when the guard rails want the run to pause (the KL budget is spent).
    package var pause: Bool
    /// Set when the run must stop: three updates in a row were not finite.
    package var stop: String?
    /// Why the epochs ended early, minibatches were skipped, samples were dropped: lines for the log.
    package var notes: [String]

    package init(step: Int) {
        self.step = step
        self.metrics = [:]
        self.alarms = []
        self.pause = false
        self.stop = nil
        self.notes = []
    }
}

/// Names of the reported figures, in one place for the report, the exporter and the tests.
package enum Metric {
    package static let rewardMean = "critic/score/mean"
    package static let rewardDeviation = "critic/score/std"
    /// Of the scores as they are learned from: clipped, and less what missing_eos and overlong take off.
    package static let shapedMean = "critic/score/shaped_mean"
    package static let shapedDeviation = "critic/score/shaped_std"
    package static let rewardMinimum = "critic/score/min"
    package static let rewardMaximum = "critic/score/max"
    /// One for each named reward: `reward/NAME/mean`.
    package static func rewardPart(_ name: String) -> String { "reward/\(name)/mean" }
    /// Answers for which it failed: `reward/NAME/failed`.
    package static func rewardFailures(_ name: String) -> String { "reward/\(name)/failed" }
    package static let tokenRewardMean = "critic/rewards/mean"
    /// Share of the scores that `ppo.reward_clip` changes.
    package static let clippedScores = "critic/score/clip_ratio"

    package static let sequenceKL1 = "actor/sequence_kl_k1"
    package static let sequenceKL3 = "actor/sequence_kl_k3"
    package static let beta = "actor/kl_coef"
    package static let klLoss = "actor/kl_loss"
    package static let entropy = "actor/entropy"
    package static let approximateKL = "actor/ppo_kl"
    package static let clipFraction = "actor/pg_clipfrac"
    package static let dualClipFraction = "actor/pg_clipfrac_lower"
    package static let clampedLogRatios = "actor/log_ratio_clamped"
    package static let ratioMean = "actor/ratio_mean"
    package static let ratioMaximum = "actor/ratio_max"
    package static let policyLoss = "actor/pg_loss"
    package static let policyGradientNorm = "actor/grad_norm"
    package static let policyRate = "actor/lr"
    package static let updates = "actor/updates"
    package static let skippedUpdates = "actor/skipped_updates"
    package static let earlyStop = "actor/early_stop"
    /// Of the first minibatch, before any update: 1 and 0 with fresh data.
    package static let firstRatio = "actor/first_ratio_mean"
    package static let firstClipFraction = "actor/first_pg_clipfrac"

    package static let valueLoss = "critic/vf_loss"
    package static let valueClipFraction = "critic/vf_clipfrac"
    package static let explainedVariance = "critic/vf_explained_var"
    package static let criticGradientNorm = "critic/grad_norm"
    package static let criticRate = "critic/lr"
    /// 1 in a step in which the critic alone learns.
    package static let criticWarmup = "critic/warmup"
    package static let valueMean = "critic/values/mean"
    package static let returnMean = "critic/returns/mean"
    package static let advantageMean = "critic/advantages/mean"
    package static let advantageDeviation = "critic/advantages/std"

    package static let lengthMean = "response_length/mean"
    package static let lengthMaximum = "response_length/max"
    package static let truncatedShare = "response_length/clip_ratio"
    package static let endedShare = "response/eos_ratio"
    package static let repeated4 = "response/repeated_4gram"
    package static let distinct2 = "response/distinct_2"
    package static let samples = "batch/samples"
    package static let tokens = "batch/tokens"
    package static let droppedNoReward = "batch/dropped_no_reward"
    package static let droppedEmpty = "batch/dropped_empty"
    /// Answers that `missing_eos: mask` leaves out of the learning.
    package static let maskedAnswers = "batch/masked_answers"
    /// Share of the prompts whose answers all have the same score.
    package static let groupsWithoutSpread = "batch/groups_without_spread"
    /// Answers without another one of their prompt to be compared with.
    package static let withoutComparison = "batch/without_comparison"

    package static let logProbabilityDifference = "training/rollout_logprob_diff_max"
    package static let stalenessMean = "training/staleness_mean"
    package static let stalenessMaximum = "training/staleness_max"
    package static let behaviourWeightMean = "training/behaviour_weight_mean"
    package static let globalStep = "training/global_step"

    package static let secondsPrepare = "timing_s/adv"
    package static let secondsValues = "timing_s/values"
    package static let secondsReference = "timing_s/ref"
    package static let secondsOld = "timing_s/old_log_prob"
    package static let secondsUpdate = "timing_s/update_actor"
    package static let secondsCheckpoint = "timing_s/save_checkpoint"
    package static let secondsWait = "timing_s/wait_batch"
    package static let secondsStep = "timing_s/step"
    package static let trainingTokensPerSecond = "perf/training_tokens_per_s"
    package static let bytesWritten = "perf/bytes_written"
}
