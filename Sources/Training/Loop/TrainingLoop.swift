import Foundation
package import PolicyOptimization
package import Torch

/// How a supervised stage walks through its data.
package struct TrainingPlan: Sendable, Equatable {
    package var stage: String
    package var epochs: Double
    /// Rows (or pairs) of one optimizer step.
    package var batch: Int
    package var microBatchTokens: Int
    package var learningRate: Double
    package var warmup: Double
    package var decay: LearningRateSchedule.Decay
    package var optimizer: AdamW.Settings
    package var gradientNorm: Double
    package var seed: UInt64

    package init(
        stage: String, epochs: Double = 1, batch: Int, microBatchTokens: Int = 4096, learningRate: Double,
        warmup: Double = 0.05, decay: LearningRateSchedule.Decay = .linear,
        optimizer: AdamW.Settings = AdamW.Settings(), gradientNorm: Double = 1, seed: UInt64
    ) {
        self.stage = stage
        self.epochs = epochs
        self.batch = batch
        self.microBatchTokens = microBatchTokens
        self.learningRate = learningRate
        self.warmup = warmup
        self.decay = decay
        self.optimizer = optimizer
        self.gradientNorm = gradientNorm
        self.seed = seed
    }
}

/// The loop that pretraining, fine-tuning and reward modelling share: shuffle, accumulate micro-batches, clip, step.
///
/// Used on the thread that owns the tensors. Deterministic for a plan, data and thread count.
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

    package let plan: TrainingPlan
    package let reporter: any ProgressReporter

    package init(plan: TrainingPlan, reporter: any ProgressReporter) {
        self.plan = plan
        self.reporter = reporter
    }

    /// - Parameters:
    ///   - lengths: tokens of each row (or pair), padding aside.
    ///   - backward: forward and backward pass of the rows of one micro-batch, given all rows of its batch.
    /// - Returns: mean loss of the last tenth of the steps.
    package func run(
        lengths: [Int], parameters: [NamedTensor], backward: (_ piece: [Int], _ batch: [Int]) throws -> Part
    ) throws -> Double {
        guard !lengths.isEmpty else { throw TrainingError(.data, "\(plan.stage): there is no row to learn from") }
        let batches = LengthBatches(lengths: lengths, batch: plan.batch, seed: plan.seed)
        let total = max(1, Int((plan.epochs * Double(batches.batchesPerEpoch)).rounded()))
        let schedule = LearningRateSchedule(
            peak: plan.learningRate, total: total, warmup: plan.warmup, decay: plan.decay)
        let optimizer = try AdamW(parameters, plan.optimizer)
        let tensors = parameters.map(\.tensor)
        // Only the rule for losses and gradients that are not finite applies: there is no ratio here.
        var guardRail = UpdateGuard(targetKL: nil, maximumMeanRatio: nil)
        var losses: [Double] = []
        var step = 0
        for epoch in 0... {
            for batch in batches.epoch(epoch) {
                if step >= total { return Self.tail(losses) }
                let clock = ContinuousClock()
                let start = clock.now
                try optimizer.zeroGradients()
                var loss = 0.0
                var tokens = 0
                for piece in MicroBatches.cut(batch, lengths: lengths, budget: plan.microBatchTokens) {
                    let part = try backward(piece, batch)
                    loss += part.loss
                    tokens += part.tokens
                }
                let norm = try clipGradientNorm(tensors, to: plan.gradientNorm)
                switch guardRail.observe(
                    MinibatchFigures(loss: loss, gradientNorm: norm, approximateKL: 0, meanRatio: 1))
                {
                case .apply:
                    try optimizer.step(learningRate: schedule.rate(step))
                    losses.append(loss)
                case .skip(let reason): reporter.note("\(plan.stage): step \(step + 1) skipped: \(reason)")
                case .endEpochs(let reason), .stop(let reason):
                    throw TrainingError(
                        .diverged, "\(plan.stage): step \(step + 1): \(reason); a lower learning rate may help")
                }
                step += 1
                let seconds = (clock.now - start).seconds
                reporter.report(
                    TrainingProgress(
                        stage: plan.stage, step: step, total: total, loss: loss,
                        tokensPerSecond: seconds > 0 ? Double(tokens) / seconds : 0))
            }
        }
        return Self.tail(losses)
    }

    private static func tail(_ losses: [Double]) -> Double {
        let last = losses.suffix(max(1, losses.count / 10))
        return last.isEmpty ? .nan : last.reduce(0, +) / Double(last.count)
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
