import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Torch

extension PPOTrainer {
    /// All epochs of a step, under the guard rails.
    func runEpochs(
        _ batch: PreparedBatch, _ rows: [ResponseRow], old: [[Double]], values: [[Double]], report: inout StepReport
    ) throws -> UpdateFigures {
        var figures = UpdateFigures()
        let planned = settings.updatesPerStep
        epochs: for epoch in 0..<settings.ppo.epochs {
            for (number, minibatch) in minibatches(epoch: epoch, of: batch.learned).enumerated() {
                let inputs = MinibatchInputs(
                    batch: batch, rows: rows, old: old, values: values, indices: minibatch,
                    size: MinibatchSize(minibatch.map { batch.rows[$0].mask }), measuresEntropy: epoch == 0)
                let outcome = try accumulate(inputs)
                figures.trainedTokens += minibatch.reduce(0) { $0 + rows[$1].count }
                figures.policy += outcome.policy
                figures.value += outcome.value
                figures.policyNorm += outcome.policyNorm
                figures.criticNorm += outcome.criticNorm
                figures.measured += 1
                if figures.first == nil, outcome.policy.tokens > 0 { figures.first = outcome.policy }
                // The schedules follow the plan, not the count of updates made: a step that ends early must not
                // stretch them.
                let update = state.step * planned + epoch * settings.ppo.minibatches + number
                switch state.updateGuard.observe(outcome.guardFigures) {
                case .apply:
                    try apply(update: update, report: &report)
                    figures.applied += 1
                case .skip(let reason):
                    figures.skipped += 1
                    report.notes.append("update skipped: \(reason)")
                    report.alarms.append(Alarm(.skippedUpdate, reason))
                case .endEpochs(let reason):
                    figures.endedEarly = true
                    report.notes.append("epochs ended in epoch \(epoch), minibatch \(number): \(reason)")
                    break epochs
                case .stop(let reason):
                    figures.skipped += 1
                    report.stop = reason
                    break epochs
                }
            }
        }
        try zeroGradients()
        return figures
    }

    /// One minibatch's forward and backward passes: the gradient is left in the parameters, clipped.
    private func accumulate(_ inputs: MinibatchInputs) throws -> MinibatchOutcome {
        try zeroGradients()
        var outcome = MinibatchOutcome()
        let lengths = inputs.rows.map(\.count)
        for piece in MicroBatches.cut(inputs.indices, lengths: lengths, budget: settings.ppo.tokenBudget) {
            try backward(piece, inputs, &outcome)
            try policyMasters.collect()
            try criticMasters?.collect()
        }
        outcome.policyNorm = try clip(policyOptimizer)
        if let criticOptimizer { outcome.criticNorm = try clip(criticOptimizer) }
        return outcome
    }

    /// One micro-batch.
    private func backward(_ piece: [Int], _ inputs: MinibatchInputs, _ outcome: inout MinibatchOutcome) throws {
        let batch = try ResponseRow.batch(piece.map { inputs.rows[$0] }, device: policy.device)
        if isWarmingUp, case .separate(let model) = critic {
            return try valueSurrogate(model.values(batch), piece, inputs, 1, &outcome).backward()
        }
        let hidden = try policy.trunk.hiddenStates(batch)
        let bonus = settings.losses.entropyWeight != 0
        let output = try policy.tokenLogProbabilities(
            batch, hidden: hidden, temperature: settings.rollout.temperature,
            entropy: bonus ? .differentiable : inputs.measuresEntropy ? .measured : .none)
        var losses = settings.losses
        if settings.klIsLoss { losses.klWeight = state.controller.beta }
        let result = try PolicyLoss(losses).evaluate(
            new: try output.values.floats(), entropy: try output.entropy?.floats() ?? [],
            tokens: inputs.policyTokens(piece), size: inputs.size)
        var surrogate = try output.values.surrogate(result.gradient)
        if bonus, let entropy = output.entropy {
            surrogate = try surrogate + entropy.surrogate(result.entropyGradient)
        }
        outcome.policyLoss += result.loss
        outcome.policy += result.figures

        switch critic {
        case .shared(let head):
            let values = try head(TokenBatch.select(hidden, batch.predictorIndex()))
            surrogate = try surrogate + valueSurrogate(values, piece, inputs, settings.ppo.valueCoefficient, &outcome)
            try surrogate.backward()
        case .separate(let model):
            try surrogate.backward()
            try valueSurrogate(model.values(batch), piece, inputs, 1, &outcome).backward()
        case nil:
            try surrogate.backward()
        }
    }

    private func valueSurrogate(
        _ values: Tensor, _ piece: [Int], _ inputs: MinibatchInputs, _ weight: Double, _ outcome: inout MinibatchOutcome
    ) throws -> Tensor {
        let result = try ValueLoss(clip: settings.ppo.valueClip, weight: weight).evaluate(
            values: try values.floats(), old: piece.flatMap { inputs.values[$0] },
            targets: piece.flatMap { inputs.batch.returns[$0] }, mask: piece.flatMap { inputs.batch.rows[$0].mask },
            globalTokens: inputs.size.tokens)
        outcome.valueLoss += result.loss
        outcome.value += result.figures
        return try values.surrogate(result.gradient)
    }

    private func apply(update: Int, report: inout StepReport) throws {
        report.metrics[Metric.secondsCheckpoint, default: 0] += gate.wait()
        if !isWarmingUp {
            // The policy's schedule begins when the policy begins to learn.
            let waited = settings.ppo.criticWarmupSteps * settings.updatesPerStep
            let policyRate = settings.policyRate.rate(update - waited)
            try policyOptimizer.step(learningRate: policyRate)
            try policyMasters.publish()
            report.metrics[Metric.policyRate] = policyRate
        }
        if let criticOptimizer {
            let criticRate = settings.criticRate.rate(update)
            try criticOptimizer.step(learningRate: criticRate)
            try criticMasters?.publish()
            report.metrics[Metric.criticRate] = criticRate
        }
    }

    private func zeroGradients() throws {
        try policyOptimizer.zeroGradients()
        try criticOptimizer?.zeroGradients()
    }

    /// Returns the norm before clipping.
    private func clip(_ optimizer: AdamW) throws -> Double {
        try clipGradientNorm(optimizer.parameters.map(\.tensor), to: settings.ppo.clipNorm)
    }
}

/// What a minibatch is computed from.
private struct MinibatchInputs {
    var batch: PreparedBatch
    var rows: [ResponseRow]
    var old: [[Double]]
    var values: [[Double]]
    var indices: [Int]
    var size: MinibatchSize
    var measuresEntropy: Bool

    func policyTokens(_ piece: [Int]) -> PolicyLoss.Tokens {
        var tokens = PolicyLoss.Tokens()
        for index in piece {
            tokens.old += old[index]
            tokens.behaviour += batch.rows[index].behaviour
            tokens.reference += batch.rows[index].reference
            tokens.advantages += batch.advantages[index]
            tokens.mask += batch.rows[index].mask
            tokens.lengths.append(batch.rows[index].mask.count)
        }
        return tokens
    }
}

private struct MinibatchOutcome {
    var policy = PolicyFigures()
    var value = ValueFigures()
    var policyLoss = 0.0
    var valueLoss = 0.0
    var policyNorm = 0.0
    var criticNorm = 0.0

    var guardFigures: MinibatchFigures {
        MinibatchFigures(
            loss: policyLoss + valueLoss,
            // A critic whose gradient is not finite spoils the update as a policy's does.
            gradientNorm: criticNorm.isFinite ? policyNorm : criticNorm,
            approximateKL: policy.mean(\.approximateKL),
            // A policy that stands still while the critic warms up has ratio 1.
            meanRatio: policy.tokens > 0 ? policy.mean(\.ratio) : 1)
    }
}
