import PolicyOptimization
package import RunConfiguration
import Torch

extension PPOSettings {
    /// The section `ppo` of a run and what else of it the update depends on.
    package init(_ run: RunConfiguration) {
        self.init()
        let ppo = run.ppo
        estimator = Estimator(ppo.advantage)
        gamma = ppo.gamma
        lambda = ppo.lambda
        valueLambda = ppo.valueLambda
        scalesGroups = ppo.groupScale
        whitenAdvantages = ppo.whitenAdvantages
        whitenRewards = ppo.whitenRewards
        bootstrapTruncated = ppo.bootstrapTruncated

        rewardWeights = Dictionary(run.rewards.map { ($0.name, $0.weight) }) { first, _ in first }
        heldOutReward = ppo.drift.heldOutReward
        scoreShaping = ScoreShaping(
            clip: ppo.rewardClip, missingEOS: MissingEOS(ppo.missingEOS, ppo.missingEOSPenalty),
            overlong: ppo.overlong.map { OverlongPenalty(maximum: $0.maximum, cache: $0.cache) })
        normalizeScores = ppo.normaliseRewards
        switch ppo.kl.controller {
        case .fixed: controller = .fixed(beta: ppo.kl.coefficient)
        case .adaptive:
            controller = .adaptive(
                AdaptiveKL(beta: ppo.kl.initial, target: ppo.kl.target, horizon: ppo.kl.horizon))
        }
        penalty = KLEstimator(ppo.kl.estimator)
        klInLoss = ppo.kl.place == .loss
        if klInLoss { losses.klEstimator = penalty }

        epochs = ppo.epochs
        minibatches = ppo.minibatches
        microBatchTokens = ppo.tokenBudget
        losses.objective = PolicyLossSettings.Objective(ppo.policyLoss)
        losses.aggregation = PolicyLossSettings.Aggregation(ppo.lossAggregation, length: run.rollout.maxNewTokens)
        losses.clip = ppo.clip
        losses.clipHigh = ppo.clipHigh
        losses.dualClip = ppo.dualClip
        losses.logRatioBound = ppo.clipLogRatio ?? .infinity
        losses.entropyWeight = ppo.entropyCoefficient
        losses.behaviourCap = ppo.staleImportanceCap ?? .infinity
        valueClip = ppo.valueClip
        critic = ppo.critic == .shared ? .shared : .separate
        criticWarmupSteps = ppo.criticWarmupSteps
        valueWeight = ppo.valueCoefficient
        switch ppo.oldLogProbabilities {
        case .auto: oldLogProbabilities = .automatic
        case .generator: oldLogProbabilities = .generator
        case .recompute: oldLogProbabilities = .recompute
        }

        let perStep = ppo.epochs * ppo.minibatches
        let decay = LearningRateSchedule.Decay(rawValue: ppo.schedule.rawValue) ?? .linear
        policyRate = LearningRateSchedule(
            peak: ppo.learningRate, total: (ppo.steps - ppo.criticWarmupSteps) * perStep, warmup: ppo.warmup,
            decay: decay)
        criticRate = LearningRateSchedule(
            peak: ppo.criticLearningRate, total: ppo.steps * perStep, warmup: ppo.warmup, decay: decay)
        adam = AdamW.Settings(
            beta1: ppo.betas.first ?? 0.9, beta2: ppo.betas.last ?? 0.95, epsilon: ppo.epsilon,
            weightDecay: ppo.weightDecay, decays: ppo.weightDecayOn == .all ? .all : .matrices,
            placement: ppo.adam == .tensorflow ? .tensorflow : .pytorch)
        gradientNorm = ppo.clipNorm

        updateGuard = UpdateGuard(targetKL: ppo.targetKL, maximumMeanRatio: ppo.maxMeanRatio)
        drift = DriftGuard.Thresholds(ppo)
        temperature = run.rollout.temperature
        seed = run.seed
    }

    /// Policies that must stay on disk: leases of open steps may still name them when the learner restarts.
    package static func keptCheckpoints(_ run: RunConfiguration) -> Int {
        max(run.ppo.keepCheckpoints, run.schedule.versionsBehind + 2)
    }
}

extension PPOSettings.Estimator {
    fileprivate init(_ advantage: PPOSection.Advantage) {
        switch advantage {
        case .gae: self = .gae
        case .rloo: self = .rloo
        case .reinforcePlusPlus: self = .reinforcePlusPlus
        case .grpo: self = .grpo
        }
    }
}

extension PolicyLossSettings.Objective {
    fileprivate init(_ loss: PPOSection.PolicyLoss) {
        switch loss {
        case .ppo: self = .ppo
        case .gspo: self = .gspo
        case .cispo: self = .cispo
        }
    }
}

extension PolicyLossSettings.Aggregation {
    /// - Parameter length: the constant that stands for the length of every answer.
    fileprivate init(_ aggregation: PPOSection.LossAggregation, length: Int) {
        switch aggregation {
        case .tokenMean: self = .tokenMean
        case .sequenceMean: self = .sequenceMean
        case .constantLength: self = .constantLength(length)
        }
    }
}

extension MissingEOS {
    fileprivate init(_ policy: PPOSection.MissingEOS, _ amount: Double) {
        switch policy {
        case .subtract: self = .subtract(amount)
        case .set: self = .replace(-amount)
        case .scale: self = .scale(amount)
        case .mask: self = .mask
        }
    }
}

extension KLEstimator {
    fileprivate init(_ estimator: KLSection.Estimator) {
        switch estimator {
        case .k1: self = .k1
        case .k2: self = .k2
        case .k3: self = .k3
        }
    }
}

extension DriftGuard.Thresholds {
    /// An alarm that is off gets a bound that nothing reaches.
    fileprivate init(_ ppo: PPOSection) {
        self.init()
        klStop = ppo.klStop
        repeated4 = ppo.drift.repeated4gramAlarm ?? 2
        distinct2 = ppo.drift.distinct2Alarm ?? -1
        truncated = ppo.drift.truncatedAlarm ?? 2
        lengthRatio = ppo.drift.lengthRatioAlarm.map { 1 / max(1, $0)...max(1, $0) } ?? 0...1e300
        clippedScores = ppo.drift.clippedScoresAlarm ?? 2
        window = ppo.drift.window
    }
}
