package import Foundation
package import Torch

/// A trunk with a scalar head that is read at one token of a sequence, the last that is not padding.
///
/// On disk it is what transformers saves as `...ForSequenceClassification` with one label (``RewardModelFiles``), so that
/// the logit there is the raw reward here.
package final class RewardModel {
    package let trunk: Transformer
    package let head: ScalarHead
    /// Of raw rewards over reference completions.
    package var mean: Double
    package var deviation: Double
    /// What transformers takes for padding: a reward is read at the last token that is another one. nil = at the last.
    package var paddingToken: Int32?
    package var companions: [String: Data]

    package var configuration: ModelConfiguration { trunk.configuration }
    package var device: Device { trunk.device }
    /// Trunk, then `score.weight`.
    package var parameters: [NamedTensor] { trunk.parameters + head.parameters }

    package init(
        trunk: Transformer, head: ScalarHead, mean: Double = 0, deviation: Double = 1, paddingToken: Int32? = nil,
        companions: [String: Data] = [:]
    ) {
        self.trunk = trunk
        self.head = head
        self.mean = mean
        self.deviation = deviation
        self.paddingToken = paddingToken
        self.companions = companions
    }

    /// The language model's trunk, not copied, with an adapter and a fresh head.
    package convenience init(from model: CausalLM, adapter: LowRankAdapter, seed: UInt64) throws {
        self.init(
            trunk: try Transformer(sharing: model.trunk, adapter: adapter),
            head: try ScalarHead(
                hiddenSize: model.configuration.hiddenSize, seed: seed, hasBias: false, device: model.device),
            companions: model.companions)
    }

    /// A copy of the language model's trunk with a fresh head.
    package convenience init(from model: CausalLM, seed: UInt64) throws {
        self.init(
            trunk: try model.trunk.copy(),
            head: try ScalarHead(
                hiddenSize: model.configuration.hiddenSize, seed: seed, hasBias: false, device: model.device),
            companions: model.companions)
    }

    package convenience init(directory: String, device: Device = .cpu, dtype: DType = .float32) throws {
        try self.init(.directory(directory), device: device, dtype: dtype)
    }

    package convenience init(files: [String: Data], device: Device = .cpu, dtype: DType = .float32) throws {
        try self.init(.memory(files), device: device, dtype: dtype)
    }

    /// - Throws: ``LanguageModelError`` that names the file, key or tensor by which the directory is no reward model.
    package convenience init(_ files: ModelFiles, device: Device = .cpu, dtype: DType = .float32) throws {
        let read = try RewardModelFiles.load(files, device: device, dtype: dtype)
        self.init(
            trunk: read.trunk, head: read.head, mean: read.numbers.mean, deviation: read.numbers.deviation,
            paddingToken: read.paddingToken, companions: try files.readCompanions())
    }

    /// Whether the stage reward_model made the directory, not transformers.
    package static func isTrainedHere(_ files: [String: Data]) -> Bool { files[RewardModelFiles.numbersFile] != nil }

    package static func isTrainedHere(directory: String) -> Bool {
        ModelFiles.directory(directory).has(RewardModelFiles.numbersFile)
    }

    /// The parameters that are trained: the head, and the adapter if there is one, else the whole trunk.
    package var trainable: [NamedTensor] { trunk.trainable + head.parameters }

    package func setTrainable(_ trainable: Bool) throws { try Parameters.setTrainable(self.trainable, trainable) }

    /// Raw rewards, differentiable: the logits of transformers. -> [B] fp32
    package func rawRewards(_ batch: TokenBatch) throws -> Tensor {
        try head(TokenBatch.select(trunk.hiddenStates(batch), batch.lastIndex(before: paddingToken)))
    }

    /// Raw rewards of whole sequences, without history.
    ///
    /// - Parameter tokenBudget: tokens of a micro-batch, padding included.
    package func rawScores(
        _ rows: [[Int32]], tokenBudget: Int = 4096, beforePiece: () throws -> Void = {}
    ) throws -> [Float] {
        var results = [Float](repeating: 0, count: rows.count)
        for piece in TokenBudget.cut(rows.map(\.count), budget: tokenBudget) {
            try beforePiece()
            let batch = try TokenBatch(piece.map { rows[$0] }, device: device)
            for (index, value) in try zip(piece, noGrad { try rawRewards(batch).floats() }) { results[index] = value }
        }
        return results
    }

    /// Normalised rewards, (raw - mean) / deviation, of whole sequences, without history.
    ///
    /// - Parameter beforePiece: called before each micro-batch; may throw to end the work.
    package func score(
        _ rows: [[Int32]], tokenBudget: Int = 4096, beforePiece: () throws -> Void = {}
    ) throws -> [Float] {
        try rawScores(rows, tokenBudget: tokenBudget, beforePiece: beforePiece).map {
            Float((Double($0) - mean) / deviation)
        }
    }

    // MARK: Saving

    private var numbers: RewardModelFiles.Numbers { RewardModelFiles.Numbers(mean: mean, deviation: deviation) }

    /// All files of a directory that `AutoModelForSequenceClassification` loads, and `reward.json`.
    package func files() throws -> [String: Data] {
        var files = companions
        files["config.json"] = try RewardModelFiles.configurationData(configuration, paddingToken: paddingToken)
        files["model.safetensors"] = try Safetensors.data(
            Parameters.converted(trunk.mergedParameters() + head.parameters, to: .float32))
        files[RewardModelFiles.numbersFile] = try numbers.data()
        return files
    }

    package func export(to directory: String) throws { try ModelFiles.write(files(), to: directory) }

    /// Adapter, head and numbers alone, in PEFT's format with the rest beside it; an error without an adapter.
    package func exportAdapter(to directory: String) throws {
        var files = try ScalarModelFiles.adapter(trunk, head, headFile: RewardModelFiles.headFile)
        files[RewardModelFiles.numbersFile] = try numbers.data()
        try ModelFiles.write(files, to: directory)
    }

    /// An adapter of ``exportAdapter(to:)`` over the base it was trained on, which is shared and not copied.
    package convenience init(adapter directory: String, over base: CausalLM) throws {
        let files = ModelFiles.directory(directory)
        let adapter = try LowRankAdapter(files, for: base.configuration, device: base.device)
        let (head, numbers) = try RewardModelFiles.separateHead(
            files, hiddenSize: base.configuration.hiddenSize, device: base.device, dtype: .float32)
        self.init(
            trunk: try Transformer(sharing: base.trunk, adapter: adapter), head: head, mean: numbers.mean,
            deviation: numbers.deviation)
    }
}
