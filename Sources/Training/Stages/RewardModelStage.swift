import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Torch

/// The reward model, from pairs of answers.
extension TrainingStages {
    static func rewardModel(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.preferences, "data.preferences")
        let start = run.stages.contains(.sft) ? run.sftDirectory : try required(run.baseDirectory, "models.base")
        let settings = run.rewardModel
        var inputs = [file, start + "/model.safetensors"]
        if let held = run.data.preferencesValidation { inputs.append(held) }
        try within("reward_model", run, run.rewardModelDirectory, settings.training, inputs, reporter) { workspace in
            let base = try CausalLM(
                directory: start, device: Device(run.device) ?? .cpu, dtype: dtype(settings.training))
            let adapter = try adapter(settings.training.lora, "reward_model", for: base, at: start, run)
            let model =
                try adapter.map { try RewardModel(from: base, adapter: $0, seed: run.seed) }
                ?? RewardModel(from: base, seed: run.seed)
            let (pairs, held) = try pairs(TextEncoder(directory: start, run), file, run)
            try model.setTrainable(true)
            model.trunk.recomputesLayers = settings.training.gradientCheckpointing
            let outcome = try train(model, pairs, held, settings, run, workspace)
            try model.setTrainable(false)
            let chosen = try model.score(held.map(\.chosen))
            let rejected = try model.score(held.map(\.rejected))
            let margins = zip(chosen, rejected).map { Double($0) - Double($1) }
            if settings.normalise { normalise(model, chosen + rejected) }
            try model.export(to: workspace.directory)
            if adapter != nil { try model.exportAdapter(to: workspace.adapterDirectory) }
            var figures = outcome.figures
            figures["accuracy"] = Fit.preferenceAccuracy(margins: margins)
            figures["ece"] = Fit.calibrationError(margins: margins)
            figures["mean_margin"] = margins.reduce(0, +) / Double(max(1, margins.count))
            return figures
        }
    }

    private static func pairs(
        _ encoder: TextEncoder, _ file: String, _ run: RunConfiguration
    ) throws -> (learned: [TextEncoder.Pair], held: [TextEncoder.Pair]) {
        var pairs = try encoder.pairs(file, run)
        if let validation = run.data.preferencesValidation { return (pairs, try encoder.pairs(validation, run)) }
        let fraction = run.rewardModel.training.validationFraction
        let held = Array(pairs.suffix(max(1, Int(Double(pairs.count) * fraction))))
        pairs.removeLast(max(0, min(held.count, pairs.count - 1)))
        return (pairs, held)
    }

    private static func train(
        _ model: RewardModel, _ pairs: [TextEncoder.Pair], _ held: [TextEncoder.Pair], _ settings: RewardModelSection,
        _ run: RunConfiguration, _ workspace: Workspace
    ) throws -> TrainingLoop.Outcome {
        let loss = PreferenceLoss(smoothing: settings.labelSmoothing)
        func margins(_ count: Int) -> [Double] {
            settings.margin == 0 ? [] : [Double](repeating: settings.margin, count: count)
        }
        func heldOutLoss() throws -> Double {
            try loss.evaluate(
                chosen: model.score(held.map(\.chosen)), rejected: model.score(held.map(\.rejected)),
                margins: margins(held.count), globalPairs: held.count
            ).loss
        }
        return try workspace.loop(plan("reward_model", settings.training, run)).run(
            lengths: pairs.map { 2 * max($0.chosen.count, $0.rejected.count) }, parameters: model.trainable,
            validation: settings.training.validates ? heldOutLoss : nil
        ) { piece, batch in
            let rows = piece.map { pairs[$0].chosen } + piece.map { pairs[$0].rejected }
            let rewards = try model.rawRewards(TokenBatch(rows, device: model.device))
            let scores = try rewards.floats()
            let result = try loss.evaluate(
                chosen: Array(scores.prefix(piece.count)), rejected: Array(scores.suffix(piece.count)),
                margins: margins(piece.count), globalPairs: batch.count)
            try rewards.surrogate(result.chosenGradient + result.rejectedGradient).backward()
            return TrainingLoop.Part(loss: result.loss, tokens: rows.reduce(0) { $0 + $1.count })
        }
    }

    /// Mean 0 and deviation 1 over the held-out answers.
    private static func normalise(_ model: RewardModel, _ scores: [Float]) {
        let values = scores.map(Double.init)
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count - 1))
        model.mean = mean
        model.deviation = max(1e-6, variance.squareRoot())
    }
}
