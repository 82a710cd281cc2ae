import Datasets
import Foundation
import LanguageModels
import PolicyOptimization
package import RunConfiguration
import Sodium
import Tokenizers
import Torch

/// The stages before PPO, each a function of the run file that leaves a directory behind.
///
/// Runs on the thread that calls it; the result is a function of configuration, data and thread count alone. A stage that
/// was made from the same inputs is used again.
package enum TrainingStages {
    /// End of text of tokenizers that the stage pretrain makes.
    private static let endOfText = "<|endoftext|>"

    package static func run(_ stage: Stage, _ run: RunConfiguration, reporter: any ProgressReporter) throws {
        switch stage {
        case .pretrain: try pretrain(run, reporter)
        case .sft: try sft(run, reporter)
        case .rewardModel: try rewardModel(run, reporter)
        case .ppo, .evaluate: throw TrainingError(.setting, "\(stage.rawValue) is no training stage")
        }
    }

    // MARK: - Stages

    private static func pretrain(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.pretrain, "data.pretrain")
        try within("pretrain", run, run.pretrainedDirectory, run.pretrain, [file], reporter) { directory in
            let texts = try LoadedRows<TextRow>.read(path: file, onBadLine: bad(run)).rows.map(\.text)
            let (model, tokenizer) = try start(run, texts)
            let end = tokenizer.eosID.map { [$0] } ?? []
            let context = model.configuration.contextLength
            let rows = texts.map { Array((tokenizer.encode($0) + end).prefix(context)) }.filter { $0.count > 1 }
            let loss = try supervised("pretrain", model, run.pretrain, run, reporter, rows, rows.map { _ in 1 })
            try model.export(to: directory)
            return ["loss": loss, "rows": Double(rows.count)]
        }
    }

    private static func start(_ run: RunConfiguration, _ texts: [String]) throws -> (CausalLM, Tokenizer) {
        let device = Device(run.device) ?? .cpu
        if let base = run.models.base {
            return (try CausalLM(directory: base, device: device), try Tokenizer(directory: base))
        }
        guard let shape = run.architecture else {
            throw TrainingError(.setting, "pretrain: give models.base, or architecture to start from nothing")
        }
        let files = [
            "tokenizer.json": Data(
                try BPETrainer.train(texts: texts, vocabularySize: shape.vocabulary, specialTokens: [endOfText])),
            "tokenizer_config.json": Data(
                BPETrainer.configuration(
                    bos: nil, eos: endOfText, pad: endOfText, maximumLength: shape.context, chatTemplate: nil)),
        ]
        let configuration = try ModelConfiguration(
            vocabularySize: shape.vocabulary, hiddenSize: shape.hidden, intermediateSize: shape.intermediate,
            layerCount: shape.layers, headCount: shape.heads, keyValueHeadCount: shape.kvHeads,
            contextLength: shape.context, tiedHead: shape.tied, endTokens: [0], padToken: 0)
        return (
            try CausalLM(configuration: configuration, seed: run.seed, device: device, companions: files),
            try Tokenizer(files: files)
        )
    }

    private static func sft(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.sft, "data.sft")
        let base = try required(run.baseDirectory, "models.base")
        try within("sft", run, run.sftDirectory, run.sft, [file, base + "/model.safetensors"], reporter) { directory in
            let model = try CausalLM(directory: base, device: Device(run.device) ?? .cpu)
            let encoder = try TextEncoder(directory: base, run)
            let loaded = try LoadedRows<DemonstrationRow>.read(path: file, onBadLine: bad(run))
            var rows: [[Int32]] = []
            var starts: [Int] = []
            for (index, row) in loaded.rows.enumerated() {
                let pair = try encoder.encode(row.prompt, row.completion)
                guard pair.prompt.count + pair.answer.count <= model.configuration.contextLength else {
                    throw TrainingError(
                        .data,
                        "\(file):\(loaded.lines[index]): longer than the context of \(model.configuration.contextLength)"
                    )
                }
                rows.append(pair.prompt + pair.answer)
                starts.append(pair.prompt.count)
            }
            let loss = try supervised("sft", model, run.sft, run, reporter, rows, starts)
            try model.export(to: directory)
            return ["loss": loss, "rows": Double(rows.count), "skipped": Double(loaded.skipped)]
        }
    }

    private static func rewardModel(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.preferences, "data.preferences")
        let start = run.stages.contains(.sft) ? run.sftDirectory : try required(run.baseDirectory, "models.base")
        let settings = run.rewardModel
        var inputs = [file, start + "/model.safetensors"]
        if let held = run.data.preferencesValidation { inputs.append(held) }
        try within("reward_model", run, run.rewardModelDirectory, settings.training, inputs, reporter) { directory in
            let base = try CausalLM(directory: start, device: Device(run.device) ?? .cpu)
            let model = try RewardModel(from: base, seed: run.seed)
            let encoder = try TextEncoder(directory: start, run)
            var pairs = try encoder.pairs(file, run)
            var held: [TextEncoder.Pair]
            if let validation = run.data.preferencesValidation {
                held = try encoder.pairs(validation, run)
            } else {
                held = Array(pairs.suffix(max(1, Int(Double(pairs.count) * settings.training.validationFraction))))
                pairs.removeLast(min(held.count, pairs.count - 1))
            }
            try model.setTrainable(true)
            let loss = PreferenceLoss(smoothing: settings.labelSmoothing)
            let margin = settings.margin
            let final = try TrainingLoop(plan: plan("reward_model", settings.training, run), reporter: reporter).run(
                lengths: pairs.map { 2 * max($0.chosen.count, $0.rejected.count) }, parameters: model.parameters
            ) { piece, batch in
                let rows = piece.map { pairs[$0].chosen } + piece.map { pairs[$0].rejected }
                let rewards = try model.rawRewards(TokenBatch(rows, device: model.device))
                let scores = try rewards.floats()
                let result = try loss.evaluate(
                    chosen: Array(scores.prefix(piece.count)), rejected: Array(scores.suffix(piece.count)),
                    margins: margin == 0 ? [] : piece.map { _ in margin }, globalPairs: batch.count)
                try rewards.surrogate(result.chosenGradient + result.rejectedGradient).backward()
                return TrainingLoop.Part(loss: result.loss, tokens: rows.reduce(0) { $0 + $1.count })
            }
            try model.setTrainable(false)
            let chosen = try model.score(held.map(\.chosen))
            let rejected = try model.score(held.map(\.rejected))
            let margins = zip(chosen, rejected).map { Double($0) - Double($1) }
            if settings.normalise { normalise(model, chosen + rejected) }
            try model.export(to: directory)
            return [
                "loss": final, "accuracy": Fit.preferenceAccuracy(margins: margins),
                "ece": Fit.calibrationError(margins: margins),
                "mean_margin": margins.reduce(0, +) / Double(max(1, margins.count)),
            ]
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

    // MARK: - Shared

    private static func supervised(
        _ name: String, _ model: CausalLM, _ section: TrainingSection, _ run: RunConfiguration,
        _ reporter: any ProgressReporter, _ rows: [[Int32]], _ starts: [Int]
    ) throws -> Double {
        try model.setTrainable(true)
        return try TrainingLoop(plan: plan(name, section, run), reporter: reporter).run(
            lengths: rows.map(\.count), parameters: model.parameters
        ) { piece, batch in
            let tokens = batch.reduce(0) { $0 + rows[$1].count - starts[$1] }
            let part = try TokenBatch(
                piece.map { rows[$0] }, scoredFrom: piece.map { starts[$0] }, device: model.device)
            let loss = try SupervisedLoss.backward(model, part, globalTokens: tokens)
            return TrainingLoop.Part(loss: loss, tokens: part.tokenCount)
        }
    }

    private static func plan(_ name: String, _ section: TrainingSection, _ run: RunConfiguration) -> TrainingPlan {
        let decay: LearningRateSchedule.Decay =
            switch section.schedule {
            case .linear: .linear
            case .cosine: .cosine
            case .constant: .constant
            }
        return TrainingPlan(
            stage: name, epochs: section.epochs, batch: section.batchSize, microBatchTokens: section.tokenBudget,
            learningRate: section.learningRate, warmup: section.warmup, decay: decay,
            optimizer: AdamW.Settings(
                beta1: section.betas[0], beta2: section.betas[1], epsilon: section.epsilon,
                weightDecay: section.weightDecay), gradientNorm: section.clipNorm, seed: run.seed)
    }

    /// Skips a stage whose result was made from the same inputs; else makes it, whole or not at all.
    private static func within(
        _ name: String, _ run: RunConfiguration, _ path: String, _ section: TrainingSection, _ inputs: [String],
        _ reporter: any ProgressReporter, _ body: (String) throws -> [String: Double]
    ) throws {
        var hash = SHA256()
        hash.update(
            "\(name) \(run.seed) \(section) \(String(describing: run.architecture)) \(run.rewardModel) \(run.data.onError)"
        )
        for file in inputs where FileManager.default.fileExists(atPath: file) {
            hash.update(try SHA256.hash(fileAt: file))
        }
        let stage = StageDirectory(stage: name, final: URL(filePath: path), inputs: hash.finish())
        if let done = stage.finished {
            reporter.note("\(name): used again, \(path) was made from the same inputs (\(done.figures))")
            return
        }
        try TorchRuntime.configure(threads: section.threads)
        let clock = ContinuousClock()
        let started = clock.now
        let directory = try stage.begin()
        let figures = try body(directory.path(percentEncoded: false))
        _ = try stage.commit(seconds: (clock.now - started) / .seconds(1), figures: figures)
        reporter.note(
            "\(name): " + figures.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    }

    static func required(_ value: String?, _ key: String) throws -> String {
        guard let value else { throw TrainingError(.setting, "\(key) is not set in the run file") }
        return value
    }

    static func bad(_ run: RunConfiguration) -> BadLine { run.data.onError == .skip ? .skip : .stop }
}
