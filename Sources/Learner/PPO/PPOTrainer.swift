import ClusterModel
import Foundation
package import LanguageModels
import PolicyOptimization
import RunConfiguration
import Torch

/// PPO on one batch at a time: no sockets, no clock in the arithmetic, no random state.
///
/// Owned by whoever made it and used from the thread that owns its tensors (a `ComputeExecutor`); not Sendable.
/// `update` is a function of (weights, moments, state, batch): a trainer restored by ``loadCheckpoint(from:)`` goes on
/// bit for bit as the one that was never stopped, at the same thread count.
///
/// Sources: Schulman et al. 2017; Huang et al. 2024. Departures: whitening once over the step's batch with the
/// unbiased variance, the score on the last token of the answer, losses as means over a minibatch's tokens.
package final class PPOTrainer {
    package let policy: CausalLM
    package let critic: Critic?
    /// What samples without reference log-probabilities are scored by.
    package let reference: CausalLM?
    package private(set) var settings: PPOSettings
    package internal(set) var state: TrainerState
    /// What the optimizers change, and what of the models follows them.
    let policyMasters: MasterWeights
    let criticMasters: MasterWeights?
    let policyOptimizer: AdamW
    let criticOptimizer: AdamW?
    /// Held while somebody reads what an update changes.
    let gate = ChangeGate()

    /// - Parameters:
    ///   - critic: nil exactly when the estimator needs none.
    ///   - reference: usually the policy's base without its adapter; nil when scorers have one.
    package init(policy: CausalLM, critic: Critic?, reference: CausalLM? = nil, settings: PPOSettings) throws {
        try settings.check()
        guard settings.ppo.advantage.needsCritic == (critic != nil) else {
            throw LearnerError(
                .setting,
                settings.ppo.advantage.needsCritic
                    ? "advantage \(settings.ppo.advantage.rawValue) needs a critic"
                    : "advantage \(settings.ppo.advantage.rawValue) has no use for a critic")
        }
        self.policy = policy
        self.critic = critic
        self.reference = reference
        self.settings = settings
        state = TrainerState(settings: settings)
        try policy.setTrainable(true)
        try critic?.setTrainable(true)
        switch critic {
        case .shared(let head):
            policyMasters = try MasterWeights(policy.trainable + head.parameters)
            criticMasters = nil
        case .separate(let model):
            policyMasters = try MasterWeights(policy.trainable)
            criticMasters = try MasterWeights(model.trainable)
        case nil:
            policyMasters = try MasterWeights(policy.trainable)
            criticMasters = nil
        }
        policyOptimizer = try AdamW(policyMasters.parameters, settings.adam)
        criticOptimizer = try criticMasters.map { try AdamW($0.parameters, settings.adam) }
    }

    /// Goes on by other settings, as a trainer that was made with them and took over this one's state.
    func adopt(_ settings: PPOSettings) throws {
        guard settings != self.settings else { return }
        try settings.check()
        self.settings = settings
        policyOptimizer.settings = settings.adam
        criticOptimizer?.settings = settings.adam
        state = state.resumed(with: settings)
    }

    /// One step: version n becomes version n + 1.
    ///
    /// - Parameter samples: the whole batch in its order (``Rollouts/samples(_:)``).
    /// - Throws: ``LearnerError`` with code `batch` when the batch does not fit; nothing has changed then.
    package func update(_ samples: [RolloutSample]) throws -> StepReport {
        let clock = ContinuousClock()
        let start = clock.now
        try Rollouts.validate(
            samples, vocabulary: policy.configuration.vocabularySize, context: policy.configuration.contextLength,
            needsReference: reference == nil && state.controller.beta != 0)
        var report = StepReport(step: state.step)
        let (samples, secondsReference) = try timed { try withReferences(samples) }
        var moments = state.scoreMoments
        var batch = PreparedBatch(samples, settings: settings, moments: &moments)
        guard batch.tokens > 0 else {
            passOver(batch, of: samples.count, report: &report)
            return report
        }
        state.scoreMoments = moments
        state.updateGuard.beginStep()
        let rows = batch.rows.map { ResponseRow(prompt: $0.prompt, response: $0.response) }

        let (old, secondsOld) = try timed { try oldLogProbabilities(batch, rows, report: &report) }
        report.metrics[Metric.criticWarmup] = isWarmingUp ? 1 : 0
        let ((values, bootstrap), secondsValues) = try timed { try currentValues(batch, rows) }
        let beta = state.controller.beta
        try batch.finish(
            old: old, values: values, settings: settings, beta: settings.klIsLoss ? 0 : beta,
            bootstrap: bootstrap)
        report.metrics[Metric.beta] = beta
        report.describe(batch, values: values, settings: settings, version: state.step)
        if state.referenceLength == nil, state.step == 0 {
            // The policy is still its start, which is the reference.
            state.referenceLength = report.metrics[Metric.lengthMean]
        }
        report.watch(batch, state: &state, settings: settings)

        let (figures, secondsUpdate) = try timed {
            try runEpochs(batch, rows, old: old, values: values, report: &report)
        }
        report.describe(figures)
        // While the policy stands still, its KL says nothing about beta.
        if let kl = report.metrics[Metric.sequenceKL1], !isWarmingUp {
            state.controller.update(sequenceKL: kl, samples: batch.learned.count)
        }
        state.step += 1

        report.metrics[Metric.globalStep] = Double(state.step)
        report.metrics[Metric.secondsOld] = secondsOld
        report.metrics[Metric.secondsValues] = secondsValues
        if reference != nil { report.metrics[Metric.secondsReference] = secondsReference }
        // What it waited for stands beside it.
        report.metrics[Metric.secondsUpdate] = secondsUpdate - (report.metrics[Metric.secondsCheckpoint] ?? 0)
        report.metrics[Metric.trainingTokensPerSecond] =
            secondsUpdate > 0 ? Double(figures.trainedTokens) / secondsUpdate : 0
        report.metrics[Metric.secondsPrepare] =
            (clock.now - start).seconds - secondsOld - secondsValues - secondsUpdate - secondsReference
        return report
    }

    /// A step that teaches nothing leaves the policy as it is.
    private func passOver(_ batch: PreparedBatch, of samples: Int, report: inout StepReport) {
        let masked = batch.rows.count - batch.learned.count
        let remedy =
            masked > 0
            ? "raise rollout.max_new_tokens, or do not mask answers that were cut (ppo.missing_eos)"
            : "look at the rewards"
        report.alarms.append(
            Alarm(
                .nothingLearned,
                """
                none of \(samples) answers can be learned from (\(batch.droppedNoReward) without a reward, \
                \(batch.droppedEmpty) without a token, \(masked) cut by the length limit and masked): the policy stays as \
                it is; \(remedy)
                """))
        report.describe(batch, values: [], settings: settings, version: state.step)
        state.step += 1
        report.metrics[Metric.globalStep] = Double(state.step)
    }

    // MARK: Before the epochs

    /// The samples, those without reference log-probabilities scored by ``reference``.
    private func withReferences(_ samples: [RolloutSample]) throws -> [RolloutSample] {
        guard let reference else { return samples }
        let missing = samples.indices.filter {
            samples[$0].reference.isEmpty && !samples[$0].trajectory.responseTokens.isEmpty
        }
        let rows = missing.map { samples[$0].trajectory }
        let values = try reference.logProbabilities(
            rows.map { $0.promptTokens + $0.responseTokens }, scoredFrom: rows.map(\.promptTokens.count),
            temperature: settings.rollout.temperature, tokenBudget: settings.ppo.tokenBudget)
        var scored = samples
        for (index, row) in zip(missing, values) { scored[index].reference = row }
        return scored
    }

    /// Log-probabilities of the policy as it is now, [row][token]: the denominator of the ratio and the proximal policy
    /// of stale data.
    ///
    /// The generator's own are taken when every token is of this version and those of the first minibatch, computed
    /// again here, agree to 1e-3, or to the bit where arithmetic is exact. A policy in half precision never agrees.
    private func oldLogProbabilities(
        _ batch: PreparedBatch, _ rows: [ResponseRow], report: inout StepReport
    ) throws -> [[Double]] {
        let behaviour = batch.rows.map(\.behaviour)
        let version = UInt32(clamping: state.step)
        let fresh = batch.rows.allSatisfy { row in
            zip(row.sample.trajectory.versions, row.mask).allSatisfy { $1 == 0 || $0 == version }
        }
        let probe = minibatches(epoch: 0, of: batch.learned).first ?? []
        let isHalf = try policy.trunk.embedding.dtype != .float32
        let compute =
            settings.ppo.oldLogProbabilities == .recompute
            || ((!fresh || isHalf) && settings.ppo.oldLogProbabilities == .auto)
        let checked = compute ? Array(rows.indices) : probe
        let computed = try logProbabilities(rows, checked)
        var difference = 0.0
        for (position, index) in checked.enumerated() where fresh {
            for (t, inMask) in batch.rows[index].mask.enumerated() where inMask != 0 {
                let distance = abs(computed[position][t] - behaviour[index][t])
                difference = distance.isNaN ? .infinity : max(difference, distance)
            }
        }
        if fresh { report.metrics[Metric.logProbabilityDifference] = difference }
        if fresh, !isHalf, difference > (policy.trunk.arithmetic == .exact ? 0 : 1e-3) {
            report.alarms.append(
                Alarm(
                    .logProbabilityMismatch,
                    "generator and learner differ by \(difference) nats on the same tokens of the same version"))
            guard !compute else { return computed }
            guard settings.ppo.oldLogProbabilities == .auto else { return behaviour }
            return try logProbabilities(rows, Array(rows.indices))
        }
        return compute ? computed : behaviour
    }

    /// Of the policy as it is, without history, for the rows at `indices`.
    private func logProbabilities(_ rows: [ResponseRow], _ indices: [Int]) throws -> [[Double]] {
        try policy.logProbabilities(
            indices.map { rows[$0].prompt + rows[$0].response }, scoredFrom: indices.map { rows[$0].prompt.count },
            temperature: settings.rollout.temperature, tokenBudget: settings.ppo.tokenBudget
        ).map { $0.map(Double.init) }
    }

    /// The critic's values of the states in which tokens were chosen, [row][token], and of the state after the last.
    private func currentValues(
        _ batch: PreparedBatch, _ rows: [ResponseRow]
    ) throws -> (values: [[Double]], bootstrap: [Double]) {
        guard let critic else { return ([], []) }
        let (values, last) = try critic.values(policy: policy, rows, budget: settings.ppo.tokenBudget)
        guard settings.ppo.bootstrapTruncated else { return (values, []) }
        return (values, zip(batch.rows, last).map { $0.ended ? 0 : $1 })
    }

    /// Whether the critic alone learns in this step.
    var isWarmingUp: Bool { state.step < settings.ppo.criticWarmupSteps }

    /// The rows of each minibatch of an epoch; a function of (seed, step, epoch).
    func minibatches(epoch: Int, of rows: [Int]) -> [[Int]] {
        var random = CounterGenerator(settings.seed, 0x7070_6f, UInt64(max(0, state.step)), UInt64(max(0, epoch)))
        return MicroBatches.split(random.permutation(rows.count).map { rows[$0] }, into: settings.ppo.minibatches)
    }

    private func timed<T>(_ body: () throws -> T) rethrows -> (T, Double) {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try body()
        return (result, (clock.now - start).seconds)
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
