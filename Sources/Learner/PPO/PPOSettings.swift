import PolicyOptimization
package import RunConfiguration
import Torch

/// Everything a PPO update depends on beside weights and batch: sections of the run file as they are, and what follows
/// from them.
package struct PPOSettings: Sendable, Equatable {
    package var ppo = PPOSection()
    package var rollout = RolloutSection()
    /// Weight of each named reward in the score.
    package var rewardWeights: [String: Double] = [:]
    package var seed: UInt64 = 0
    /// Mean answer length of the reference, if known, for the length alarm.
    package var referenceLength: Double?

    package init() {}

    package init(_ run: RunConfiguration) {
        ppo = run.ppo
        rollout = run.rollout
        rewardWeights = Dictionary(run.rewards.map { ($0.name, $0.weight) }) { first, _ in first }
        seed = run.seed
    }

    /// - Throws: an error that names every key that is out of its bounds, or that another key rules out.
    package func check() throws {
        try ppo.check()
        try rollout.check()
    }
}

extension PPOSettings {
    var scoreShaping: ScoreShaping { ScoreShaping(ppo) }
    var controller: KLController { KLController(ppo.kl) }
    /// The penalty is a loss instead of a part of the rewards.
    var klIsLoss: Bool { ppo.kl.place == .loss }
    var losses: PolicyLossSettings { PolicyLossSettings(ppo, longestAnswer: rollout.maxNewTokens) }
    var adam: AdamW.Settings { AdamW.Settings(ppo) }
    var updateGuard: UpdateGuard { UpdateGuard(targetKL: ppo.targetKL, maximumMeanRatio: ppo.maxMeanRatio) }
    var drift: DriftGuard { DriftGuard(ppo.drift, klStop: ppo.klStop) }

    /// Updates of one step as the plan has them. Steps are at most 10^7, passes 1000 and minibatches 65536 each.
    var updatesPerStep: Int { ppo.epochs * ppo.minibatches }

    /// The policy's schedule is as long as the policy learns.
    var policyRate: LearningRateSchedule { rate(ppo.learningRate, steps: ppo.steps - ppo.criticWarmupSteps) }
    var criticRate: LearningRateSchedule { rate(ppo.criticLearningRate, steps: ppo.steps) }

    private func rate(_ peak: Double, steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(peak: peak, total: steps * updatesPerStep, warmup: ppo.warmup, decay: ppo.schedule)
    }
}
