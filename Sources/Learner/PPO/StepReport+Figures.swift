import ClusterModel
import PolicyOptimization
import RunConfiguration

extension StepReport {
    /// Figures of the batch before any update: rewards, KL, lengths, values, advantages.
    mutating func describe(_ batch: PreparedBatch, values: [[Double]], settings: PPOSettings, version: Int) {
        let mask = batch.mask
        describeRewards(batch, settings: settings)
        let compared = batch.rows.filter { $0.isLearned && $0.hasReference }
        if !compared.isEmpty {
            let kl = compared.map { KLEstimator.k1.sequence($0.behaviour, $0.reference, $0.mask) }
            let kl3 = compared.map { KLEstimator.k3.sequence($0.behaviour, $0.reference, $0.mask) }
            metrics[Metric.sequenceKL1] = Moments(kl).mean
            metrics[Metric.sequenceKL3] = Moments(kl3).mean
        }
        metrics[Metric.tokenRewardMean] = Masked.moments(batch.tokenRewards, mask).mean
        metrics[Metric.advantageMean] = batch.rawAdvantages.mean
        metrics[Metric.advantageDeviation] = batch.rawAdvantages.deviation
        metrics[Metric.returnMean] = Masked.moments(batch.returns, mask).mean
        if !values.isEmpty {
            metrics[Metric.valueMean] = Masked.moments(values, mask).mean
            metrics[Metric.explainedVariance] = Fit.explainedVariance(
                values: values, returns: batch.returns, mask: mask)
        }
        let lengths = batch.rows.map { Double($0.response.count) }
        metrics[Metric.lengthMean] = Moments(lengths).mean
        metrics[Metric.lengthMaximum] = lengths.max() ?? 0
        let ended = batch.rows.filter { $0.sample.trajectory.finish == .eos }.count
        metrics[Metric.endedShare] = batch.rows.isEmpty ? 0 : Double(ended) / Double(batch.rows.count)
        metrics[Metric.samples] = Double(batch.rows.count)
        metrics[Metric.tokens] = Double(batch.tokens)
        metrics[Metric.droppedNoReward] = Double(batch.droppedNoReward)
        metrics[Metric.droppedEmpty] = Double(batch.droppedEmpty)
        for (name, count) in batch.failedRewards { metrics[Metric.rewardFailures(name)] = Double(count) }
        let learned = batch.learned.count
        metrics[Metric.maskedAnswers] = Double(batch.rows.count - learned)
        metrics[Metric.clippedScores] =
            learned > 0 ? Double(batch.rows.filter(\.scoreIsClipped).count) / Double(learned) : 0
        metrics[Metric.groupsWithoutSpread] = batch.groupsWithoutSpread
        if let alone = batch.withoutComparison {
            metrics[Metric.withoutComparison] = Double(alone)
            if alone > 0 {
                notes.append("\(alone) answers are the only one of their prompt that is left, and have advantage 0")
            }
        }
        if batch.droppedNoReward > 0 { notes.append("\(batch.droppedNoReward) samples had no reward and were dropped") }
        if batch.droppedEmpty > 0 { notes.append("\(batch.droppedEmpty) samples had no token to learn from") }
        describeStaleness(batch, version: version)
    }

    private mutating func describeRewards(_ batch: PreparedBatch, settings: PPOSettings) {
        let scores = batch.rows.map(\.rawScore)
        let moments = Moments(scores)
        metrics[Metric.rewardMean] = moments.mean
        metrics[Metric.rewardDeviation] = moments.deviation
        let shaped = Moments(batch.rows.compactMap(\.score))
        // Normalised ones are about 0 whatever the policy does.
        if !settings.ppo.normaliseRewards, shaped.count > 0 {
            metrics[Metric.shapedMean] = shaped.mean
            metrics[Metric.shapedDeviation] = shaped.deviation
        }
        metrics[Metric.rewardMinimum] = scores.min() ?? 0
        metrics[Metric.rewardMaximum] = scores.max() ?? 0
        for name in Set(batch.rows.flatMap { $0.sample.rewards.keys }).sorted() {
            // Of the answers that have it: one that failed is no 0, and one that is no number must not hide the rest.
            let values = batch.rows.compactMap { ($0.sample.rewards[name] ?? nil).map(Double.init) }.filter(\.isFinite)
            if !values.isEmpty { metrics[Metric.rewardPart(name)] = Moments(values).mean }
        }
    }

    private mutating func describeStaleness(_ batch: PreparedBatch, version: Int) {
        var sum = 0.0
        var highest = 0.0
        var count = 0
        for row in batch.rows {
            for (token, inMask) in zip(row.sample.trajectory.versions, row.mask) where inMask != 0 {
                let distance = Double(version) - Double(token)
                sum += distance
                highest = max(highest, distance)
                count += 1
            }
        }
        metrics[Metric.stalenessMean] = count > 0 ? sum / Double(count) : 0
        metrics[Metric.stalenessMaximum] = highest
    }

    /// Signs of degeneration, the guard's view of the step.
    mutating func watch(_ batch: PreparedBatch, state: inout TrainerState, settings: PPOSettings) {
        let text = Degeneration(
            answers: batch.rows.map(\.response), truncated: batch.rows.map { !$0.ended },
            referenceLength: settings.referenceLength ?? state.referenceLength)
        metrics[Metric.repeated4] = text.repeated4
        metrics[Metric.distinct2] = text.distinct2
        metrics[Metric.truncatedShare] = text.truncated
        let gold = settings.ppo.drift.heldOutReward.flatMap { metrics[Metric.rewardPart($0)] }
        let (raised, pause) = state.drift.observe(
            StepFigures(
                sequenceKL: metrics[Metric.sequenceKL1], reward: metrics[Metric.rewardMean] ?? 0, gold: gold,
                text: text, clippedScores: metrics[Metric.clippedScores] ?? 0))
        alarms += raised
        self.pause = self.pause || pause
    }

    /// Figures of all updates of the step together.
    mutating func describe(_ updates: UpdateFigures) {
        metrics[Metric.updates] = Double(updates.applied)
        metrics[Metric.skippedUpdates] = Double(updates.skipped)
        metrics[Metric.earlyStop] = updates.endedEarly ? 1 : 0
        // A policy that stood still has no such figures.
        if updates.policy.tokens > 0 { describe(updates.policy, norm: updates.meanPolicyNorm) }
        if let first = updates.first {
            metrics[Metric.firstRatio] = first.mean(\.ratio)
            metrics[Metric.firstClipFraction] = first.share(\.clipped)
        }
        if updates.value.tokens > 0 {
            metrics[Metric.valueLoss] = updates.value.loss / Double(updates.value.tokens)
            metrics[Metric.valueClipFraction] = Double(updates.value.clipped) / Double(updates.value.tokens)
            metrics[Metric.criticGradientNorm] = updates.meanCriticNorm
        }
    }
}

extension StepReport {
    private mutating func describe(_ policy: PolicyFigures, norm: Double) {
        metrics[Metric.policyLoss] = policy.mean(\.policyLoss)
        metrics[Metric.ratioMean] = policy.mean(\.ratio)
        metrics[Metric.ratioMaximum] = policy.maximumRatio
        metrics[Metric.approximateKL] = policy.mean(\.approximateKL)
        metrics[Metric.entropy] = policy.entropyTokens > 0 ? policy.entropy / Double(policy.entropyTokens) : 0
        metrics[Metric.klLoss] = policy.mean(\.klLoss)
        metrics[Metric.behaviourWeightMean] = policy.mean(\.behaviourWeight)
        metrics[Metric.clipFraction] = policy.share(\.clipped)
        metrics[Metric.dualClipFraction] = policy.share(\.dualClipped)
        metrics[Metric.clampedLogRatios] = Double(policy.clamped)
        metrics[Metric.policyGradientNorm] = norm
    }
}

/// Sums over the updates of a step.
struct UpdateFigures: Sendable {
    var policy = PolicyFigures()
    var value = ValueFigures()
    /// The first minibatch of the first epoch, before any update.
    var first: PolicyFigures?
    var applied = 0
    var skipped = 0
    var endedEarly = false
    var policyNorm = 0.0
    var criticNorm = 0.0
    var measured = 0
    /// Prompts included, each as often as it was learned from.
    var trainedTokens = 0

    var meanPolicyNorm: Double { measured > 0 ? policyNorm / Double(measured) : 0 }
    var meanCriticNorm: Double { measured > 0 ? criticNorm / Double(measured) : 0 }
}
