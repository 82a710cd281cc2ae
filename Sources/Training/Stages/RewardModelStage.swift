import Datasets
import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Tokenizers
import Torch

/// The reward model, from pairs of answers.
extension TrainingStages {
    static func rewardModel(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.preferences, "data.preferences")
        let start = run.stages.contains(.sft) ? run.sftDirectory : try required(run.baseDirectory, "models.base")
        let settings = run.rewardModel
        try within(
            Stage.rewardModel.rawValue, run, run.rewardModelDirectory, settings.training, inputs(.rewardModel, run),
            reporter
        ) { workspace in
            let base = try CausalLM(
                directory: start, device: Device(run.device) ?? .cpu, dtype: dtype(settings.training))
            let adapter = try adapter(settings.training.lora, Stage.rewardModel.rawValue, for: base, at: start, run)
            let model =
                try adapter.map { try RewardModel(from: base, adapter: $0, seed: run.seed) }
                ?? RewardModel(from: base, seed: run.seed)
            let encoder = try TextEncoder(directory: start, for: base.configuration, run)
            let rows = try encoder.pairs(file)
            let given = try run.data.preferencesValidation.map { try encoder.pairs($0) }
            for summary in [rows.summary, given?.summary].compactMap(\.self) {
                reporter.note("reward_model: \(summary)")
            }
            let (pairs, held) = split(rows.values, given?.values, run)
            let endings = (pairs + held).flatMap { [$0.chosen.last, $0.rejected.last] }.compactMap { $0 }
            try RewardPadding.apply(model, encoder.tokenizer, endings: Set(endings))
            try model.setTrainable(true)
            model.trunk.recomputesLayers = settings.training.gradientCheckpointing
            guard !held.isEmpty || !settings.training.validates else {
                throw TrainingError(.data, "reward_model: one pair is too few to hold some out")
            }
            let outcome = try train(model, pairs, held, settings, run, workspace)
            try model.setTrainable(false)
            let chosen = try model.score(held.map(\.chosen))
            let rejected = try model.score(held.map(\.rejected))
            let margins = zip(chosen, rejected).map { Double($0) - Double($1) }
            let isNormalised = settings.normalise && normalise(model, chosen + rejected)
            if settings.normalise, !isNormalised {
                reporter.note(
                    """
                    reward_model: rewards are not normalised: mean and deviation of \(2 * held.count) held-out \
                    completions mean little, \(fewestForNormalisation) are needed; give data.preferences_validation, \
                    raise reward_model.validation_fraction, or set reward_model.normalise: false
                    """)
            }
            try model.export(to: workspace.directory)
            if adapter != nil { try model.exportAdapter(to: workspace.adapterDirectory) }
            var figures = outcome.figures
            figures.merge(rows.figures) { $1 }
            figures["normalised"] = isNormalised ? 1 : 0
            figures["held_out"] = Double(held.count)
            // One pair is learned, and there is none to look at.
            if !held.isEmpty {
                figures["accuracy"] = Fit.preferenceAccuracy(margins: margins)
                figures["ece"] = Fit.calibrationError(margins: margins)
                figures["mean_margin"] = margins.reduce(0, +) / Double(margins.count)
            }
            return figures
        }
    }

    private static func split(
        _ pairs: [TextEncoder.Pair], _ held: [TextEncoder.Pair]?, _ run: RunConfiguration
    ) -> (learned: [TextEncoder.Pair], held: [TextEncoder.Pair]) {
        if let held { return (pairs, held) }
        let parts = HeldOut(
            rows: pairs.count, fraction: run.rewardModel.training.validationFraction, seed: run.seed)
        return (parts.learned.map { pairs[$0] }, parts.held.map { pairs[$0] })
    }

    private static func train(
        _ model: RewardModel, _ pairs: [TextEncoder.Pair], _ held: [TextEncoder.Pair], _ settings: RewardModelSection,
        _ run: RunConfiguration, _ workspace: Workspace
    ) throws -> TrainingLoop.Outcome {
        let loss = PreferenceLoss(smoothing: settings.labelSmoothing)
        func margins(_ pairs: [TextEncoder.Pair]) -> [Double] { pairs.map { settings.margin + $0.margin } }
        func heldOutLoss() throws -> Double {
            try loss.evaluate(
                chosen: model.score(held.map(\.chosen)), rejected: model.score(held.map(\.rejected)),
                margins: margins(held), globalPairs: held.count
            ).loss
        }
        return try workspace.loop(plan(Stage.rewardModel.rawValue, settings.training, run)).run(
            lengths: pairs.map { 2 * max($0.chosen.count, $0.rejected.count) }, parameters: model.trainable,
            validation: settings.training.validates ? heldOutLoss : nil
        ) { piece, batch in
            let rows = piece.map { pairs[$0].chosen } + piece.map { pairs[$0].rejected }
            let rewards = try model.rawRewards(TokenBatch(rows, device: model.device))
            let scores = try rewards.floats()
            let result = try loss.evaluate(
                chosen: Array(scores.prefix(piece.count)), rejected: Array(scores.suffix(piece.count)),
                margins: margins(piece.map { pairs[$0] }), globalPairs: batch.count)
            try rewards.surrogate(result.chosenGradient + result.rejectedGradient).backward()
            return TrainingLoop.Part(loss: result.loss, tokens: rows.reduce(0) { $0 + $1.count })
        }
    }

    /// Completions below which their mean and deviation say too little about the rewards to come.
    static let fewestForNormalisation = 50

    /// Mean 0 and deviation 1 over the held-out answers.
    /// - Returns: false, and the model as it was, when they are too few.
    private static func normalise(_ model: RewardModel, _ scores: [Float]) -> Bool {
        guard scores.count >= fewestForNormalisation else { return false }
        let values = scores.map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
        model.mean = mean
        model.deviation = max(1e-6, variance.squareRoot())
        return true
    }
}
