import Datasets
import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Tokenizers
import Torch

/// Pretraining and fine-tuning: next-token loss.
extension TrainingStages {
    /// End of text of tokenizers that the stage pretrain makes.
    private static let endOfText = "<|endoftext|>"

    static func pretrain(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.pretrain, "data.pretrain")
        try within(
            "pretrain", run, run.pretrainedDirectory, run.pretrain, inputs(.pretrain, run), reporter
        ) { workspace in
            let lines = try EncodedRows(TextRow.self, path: file, onBadLine: bad(run), rule: .error) { .row($0.text) }
            if let summary = lines.summary { reporter.note("pretrain: \(summary)") }
            let texts = lines.values
            let (model, tokenizer) = try start(run, texts)
            let context = model.configuration.contextLength
            let encoder = try ConversationEncoder(tokenizer, usesTemplate: false)
            let rows = texts.flatMap { TextBlocks.cut(encoder.encodeText($0), end: tokenizer.eosID, context: context) }
            for row in rows { try tokenizer.check(row, rows: model.configuration.vocabularySize) }
            let examples = Examples(rows: rows, scored: rows.map { [1..<$0.count] })
            let figures = try supervised("pretrain", model, run.models.base, run.pretrain, run, workspace, examples)
            return figures.merging(lines.figures) { $1 }
        }
    }

    private static func start(_ run: RunConfiguration, _ texts: [String]) throws -> (CausalLM, Tokenizer) {
        let device = Device(run.device) ?? .cpu
        if let base = run.models.base {
            return (
                try CausalLM(directory: base, device: device, dtype: dtype(run.pretrain)),
                try Tokenizer(directory: base)
            )
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
            try CausalLM(
                configuration: configuration, seed: run.seed, device: device, dtype: dtype(run.pretrain),
                companions: files),
            try Tokenizer(files: files)
        )
    }

    static func sft(_ run: RunConfiguration, _ reporter: any ProgressReporter) throws {
        let file = try required(run.data.sft, "data.sft")
        let base = try required(run.baseDirectory, "models.base")
        try within("sft", run, run.sftDirectory, run.sft, inputs(.sft, run), reporter) { workspace in
            let model = try CausalLM(directory: base, device: Device(run.device) ?? .cpu, dtype: dtype(run.sft))
            let encoder = try TextEncoder(directory: base, for: model.configuration, run)
            let rows = try encoder.demonstrations(file)
            if let summary = rows.summary { reporter.note("sft: \(summary)") }
            let examples = Examples(rows: rows.values.map(\.tokens), scored: rows.values.map(\.learned))
            let figures = try supervised("sft", model, base, run.sft, run, workspace, examples)
            return figures.merging(rows.figures) { $1 }
        }
    }

    /// Sequences, and the places in each that are learned.
    struct Examples {
        var rows: [[Int32]]
        var scored: [[Range<Int>]]

        /// Learned tokens of a row; nothing predicts its first one.
        func learnedCount(_ row: Int) -> Int {
            scored[row].reduce(0) { $0 + $1.count - ($1.lowerBound == 0 && !$1.isEmpty ? 1 : 0) }
        }

        /// Two parts, see ``HeldOut``.
        func split(holdOut fraction: Double, seed: UInt64) -> (learned: Examples, held: Examples) {
            let parts = HeldOut(rows: rows.count, fraction: fraction, seed: seed)
            func part(_ indices: [Int]) -> Examples {
                Examples(rows: indices.map { rows[$0] }, scored: indices.map { scored[$0] })
            }
            return (part(parts.learned), part(parts.held))
        }
    }

    /// Trains `base` or an adapter over it, writes the result, and gives the stage's figures.
    private static func supervised(
        _ name: String, _ base: CausalLM, _ baseName: String?, _ section: TrainingSection, _ run: RunConfiguration,
        _ workspace: Workspace, _ examples: Examples
    ) throws -> [String: Double] {
        for warning in base.configuration.warnings { workspace.reporter.note("\(name): \(warning)") }
        let adapter = try adapter(section.lora, name, for: base, at: baseName, run)
        let model = try adapter.map { try CausalLM(sharing: base, adapter: $0) } ?? base
        var (learned, held) = (examples, Examples(rows: [], scored: []))
        if section.validates {
            guard examples.rows.count > 1 else {
                throw TrainingError(.data, "\(name): one row is too few to hold some out")
            }
            (learned, held) = examples.split(holdOut: section.validationFraction, seed: run.seed)
        }
        try model.setTrainable(true)
        model.trunk.recomputesLayers = section.gradientCheckpointing
        let validation = held.rows.isEmpty ? nil : { try heldOutLoss(model, held, budget: section.tokenBudget) }
        let outcome = try workspace.loop(plan(name, section, run)).run(
            lengths: learned.rows.map(\.count), parameters: model.trainable, validation: validation
        ) { piece, whole in
            let tokens = whole.reduce(0) { $0 + learned.learnedCount($1) }
            let (rows, scored) = (piece.map { learned.rows[$0] }, piece.map { learned.scored[$0] })
            let part = try batch(rows, scored, for: model, packed: section.packing)
            let loss = try SupervisedLoss.backward(model, part, globalTokens: tokens)
            return TrainingLoop.Part(loss: loss, tokens: part.tokenCount)
        }
        // What an adapter adds would be lost in the last place of half-precision weights.
        try model.export(to: workspace.directory, dtype: adapter == nil ? dtype(section) : .float32)
        try adapter?.export(to: workspace.adapterDirectory)
        var figures = outcome.figures
        figures["rows"] = Double(examples.rows.count)
        return figures
    }

    /// A row may be one token longer than the context: its last token is only predicted.
    private static func batch(
        _ rows: [[Int32]], _ scored: [[Range<Int>]], for model: CausalLM, packed: Bool
    ) throws -> TokenBatch {
        let context = model.configuration.contextLength
        let omitsLast = rows.contains { $0.count > context }
        return try packed
            ? TokenBatch(packed: rows, scored: scored, longest: context, omitsLast: omitsLast, device: model.device)
            : TokenBatch(rows, scored: scored, omitsLast: omitsLast, device: model.device)
    }

    /// Mean of -log pi over the scored tokens.
    private static func heldOutLoss(_ model: CausalLM, _ held: Examples, budget: Int) throws -> Double {
        var sum = 0.0
        for piece in TokenBudget.cut(held.rows.map(\.count), budget: budget) {
            sum += try SupervisedLoss.sum(
                model,
                batch(piece.map { held.rows[$0] }, piece.map { held.scored[$0] }, for: model, packed: false))
        }
        return sum / Double(max(1, held.rows.indices.reduce(0) { $0 + held.learnedCount($1) }))
    }
}
