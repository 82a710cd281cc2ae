import Foundation
import PolicyOptimization
package import Torch

/// The loop that pretraining, fine-tuning and reward modelling share: shuffle, accumulate micro-batches, clip, step.
///
/// Used on the thread that owns the tensors. Deterministic for a plan, data and thread count; a loop that goes on from a
/// checkpoint ends with the bits of one that was never interrupted.
package struct TrainingLoop {
    /// What one micro-batch gave; its gradient is already in the parameters.
    package struct Part {
        /// Share of the batch's mean loss.
        package var loss: Double
        package var tokens: Int

        package init(loss: Double, tokens: Int) {
            self.loss = loss
            self.tokens = tokens
        }
    }

    package struct Outcome: Equatable {
        /// Mean loss of the last tenth of the steps.
        package var loss: Double
        package var steps: Int
        /// Of the weights that were kept; nil without held-out data.
        package var validationLoss: Double?
        package var bestStep: Int?

        /// For the report.
        package var figures: [String: Double] {
            var figures = ["loss": loss, "steps": Double(steps)]
            if let validationLoss { figures["validation_loss"] = validationLoss }
            if let bestStep { figures["best_step"] = Double(bestStep) }
            return figures
        }
    }

    package let plan: TrainingPlan
    package let checkpoints: StageCheckpoints?
    package let reporter: any ProgressReporter

    package init(plan: TrainingPlan, checkpoints: StageCheckpoints? = nil, reporter: any ProgressReporter) {
        self.plan = plan
        self.checkpoints = checkpoints
        self.reporter = reporter
    }

    /// - Parameters:
    ///   - lengths: tokens of each row (or pair), padding aside.
    ///   - validation: mean loss over the held-out data; nil = all steps are made and the last weights are kept.
    ///   - backward: forward and backward pass of the rows of one micro-batch, given all rows of its batch.
    package func run(
        lengths: [Int], parameters: [NamedTensor], validation: (() throws -> Double)? = nil,
        backward: (_ piece: [Int], _ batch: [Int]) throws -> Part
    ) throws -> Outcome {
        guard !lengths.isEmpty else { throw TrainingError(.data, "\(plan.stage): there is no row to learn from") }
        let batches = LengthBatches(lengths: lengths, batch: plan.batch, seed: plan.seed)
        let total = plan.steps(perEpoch: batches.batchesPerEpoch)
        let schedule = LearningRateSchedule(
            peak: plan.learningRate, total: total, warmup: plan.warmup, decay: plan.decay)
        let masters = try MasterWeights(parameters)
        let optimizer = try AdamW(masters.parameters, plan.optimizer)
        var kept = KeptWeights(masters.parameters)
        var progress = LoopProgress()
        if let found = try checkpoints?.restore(masters.parameters, optimizer, &kept) {
            progress = found
            try masters.publish()
            reporter.note("\(plan.stage): going on after step \(progress.step) of \(total)")
        }
        var epoch = (number: -1, batches: [[Int]]())
        while progress.step < total, !progress.stoppedEarly {
            let (number, place) = progress.step.quotientAndRemainder(dividingBy: batches.batchesPerEpoch)
            if epoch.number != number { epoch = (number, batches.epoch(number)) }
            let clock = ContinuousClock()
            let start = clock.now
            let part = try step(
                epoch.batches[place], lengths, masters, optimizer, rate: schedule.rate(progress.step), total, &progress,
                backward
            )
            let seconds = (clock.now - start).seconds
            reporter.report(
                TrainingProgress(
                    stage: plan.stage, step: progress.step, total: total, loss: part.loss,
                    tokensPerSecond: seconds > 0 ? Double(part.tokens) / seconds : 0))
            if let validation, progress.step == total || progress.step % interval(batches) == 0 {
                try look(validation, &progress, &kept)
            }
            if let every = plan.checkpointEvery, progress.step % every == 0, progress.step < total {
                try checkpoints?.save(progress, masters.parameters, optimizer, kept)
            }
        }
        try kept.restore()
        try masters.publish()
        return Outcome(
            loss: progress.tail, steps: progress.step, validationLoss: progress.best?.loss,
            bestStep: progress.best?.step)
    }

    private func interval(_ batches: LengthBatches) -> Int { plan.evaluateEvery ?? batches.batchesPerEpoch }

    /// One optimizer step.
    private func step(
        _ batch: [Int], _ lengths: [Int], _ masters: MasterWeights, _ optimizer: AdamW, rate: Double, _ total: Int,
        _ progress: inout LoopProgress, _ backward: (_ piece: [Int], _ batch: [Int]) throws -> Part
    ) throws -> Part {
        try optimizer.zeroGradients()
        var sum = Part(loss: 0, tokens: 0)
        let pieces =
            plan.packs
            ? MicroBatches.fill(batch, lengths: lengths, budget: plan.microBatchTokens)
            : MicroBatches.cut(batch, lengths: lengths, budget: plan.microBatchTokens)
        for piece in pieces {
            let part = try backward(piece, batch)
            try masters.collect()
            sum.loss += part.loss
            sum.tokens += part.tokens
        }
        let norm = try clipGradientNorm(optimizer.parameters.map(\.tensor), to: plan.gradientNorm)
        // Only the rule for losses and gradients that are not finite applies: there is no ratio here.
        switch progress.guardRail.observe(
            MinibatchFigures(loss: sum.loss, gradientNorm: norm, approximateKL: 0, meanRatio: 1))
        {
        case .apply:
            try optimizer.step(learningRate: rate)
            try masters.publish()
            progress.apply(loss: sum.loss, of: total)
        case .skip(let reason): reporter.note("\(plan.stage): step \(progress.step + 1) skipped: \(reason)")
        case .endEpochs(let reason), .stop(let reason):
            throw TrainingError(
                .diverged, "\(plan.stage): step \(progress.step + 1): \(reason); a lower learning rate may help")
        }
        progress.step += 1
        return sum
    }

    private func look(
        _ validation: () throws -> Double, _ progress: inout LoopProgress, _ kept: inout KeptWeights
    ) throws {
        let loss = try validation()
        let better = progress.observe(validation: loss, patience: plan.patience)
        if better { try kept.take() }
        reporter.note(
            "\(plan.stage): step \(progress.step): held-out loss \(loss)"
                + (better ? "" : ", not better than \(progress.best.map { "\($0.loss)" } ?? "before")")
                + (progress.stoppedEarly ? "; stopping early" : ""))
    }
}

/// The best weights so far.
struct KeptWeights {
    private let parameters: [NamedTensor]
    /// In the order of the parameters; nil before the first look.
    private(set) var copies: [NamedTensor]?

    init(_ parameters: [NamedTensor]) { self.parameters = parameters }

    mutating func take() throws {
        copies = try noGrad { try parameters.map { NamedTensor($0.name, try $0.tensor.detach().clone()) } }
    }

    /// Takes over what a checkpoint held.
    mutating func take(_ copies: [NamedTensor]) { self.copies = copies }

    /// Puts them back, if there are any.
    func restore() throws {
        guard let copies else { return }
        try noGrad { for (parameter, copy) in zip(parameters, copies) { try parameter.tensor.copy(from: copy.tensor) } }
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
