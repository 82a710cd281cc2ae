package import Foundation
package import Torch

/// A trunk with a scalar head, read at the last token of a sequence.
///
/// Directory: config.json, model.safetensors (trunk without a head), reward_head.safetensors, reward.json with the mean
/// and deviation that raw rewards are normalised by, tokenizer files.
package final class RewardModel {
    package let trunk: Transformer
    package let head: ScalarHead
    /// Of raw rewards over reference completions.
    package var mean: Double
    package var deviation: Double
    package var companions: [String: Data]

    package var configuration: ModelConfiguration { trunk.configuration }
    package var device: Device { trunk.device }
    /// Trunk, then `score.weight` and `score.bias`.
    package var parameters: [NamedTensor] { trunk.parameters + head.parameters }

    package init(
        trunk: Transformer, head: ScalarHead, mean: Double = 0, deviation: Double = 1,
        companions: [String: Data] = [:]
    ) {
        self.trunk = trunk
        self.head = head
        self.mean = mean
        self.deviation = deviation
        self.companions = companions
    }

    /// The language model's trunk, not copied, with an adapter and a fresh head.
    package convenience init(from model: CausalLM, adapter: LowRankAdapter, seed: UInt64) throws {
        self.init(
            trunk: try Transformer(sharing: model.trunk, adapter: adapter),
            head: try ScalarHead(hiddenSize: model.configuration.hiddenSize, seed: seed, device: model.device),
            companions: model.companions)
    }

    /// A copy of the language model's trunk with a fresh head.
    package convenience init(from model: CausalLM, seed: UInt64) throws {
        self.init(
            trunk: try model.trunk.copy(),
            head: try ScalarHead(hiddenSize: model.configuration.hiddenSize, seed: seed, device: model.device),
            companions: model.companions)
    }

    package convenience init(directory: String, device: Device = .cpu, dtype: DType = .float32) throws {
        try self.init(.directory(directory), device: device, dtype: dtype)
    }

    package convenience init(files: [String: Data], device: Device = .cpu, dtype: DType = .float32) throws {
        try self.init(.memory(files), device: device, dtype: dtype)
    }

    package convenience init(_ files: ModelFiles, device: Device = .cpu, dtype: DType = .float32) throws {
        let (trunk, head) = try ScalarModelFiles.load(files, head: Self.headFile, device: device, dtype: dtype)
        let numbers = try Self.readNumbers(files)
        self.init(
            trunk: trunk, head: head, mean: numbers.mean, deviation: numbers.deviation,
            companions: try files.readCompanions())
    }

    private static func readNumbers(_ files: ModelFiles) throws -> Numbers {
        let numbers: Numbers
        do {
            numbers = try JSONDecoder().decode(Numbers.self, from: files.data(Self.numbersFile))
        } catch let error as DecodingError {
            throw LanguageModelError(
                .configuration, "\(files.label(Self.numbersFile)) must hold the numbers 'mean' and 'deviation'",
                cause: error)
        }
        guard numbers.mean.isFinite, numbers.deviation.isFinite, numbers.deviation > 0 else {
            throw LanguageModelError(
                .configuration, "\(files.label(Self.numbersFile)): 'deviation' must be above 0, both must be finite")
        }
        return numbers
    }

    /// What is trained: the adapter, or the whole trunk when there is none, and the head.
    package var trainable: [NamedTensor] { trunk.trainable + head.parameters }

    package func setTrainable(_ trainable: Bool) throws { try Parameters.setTrainable(self.trainable, trainable) }

    /// Raw rewards, differentiable. -> [B] fp32
    package func rawRewards(_ batch: TokenBatch) throws -> Tensor {
        try head(TokenBatch.select(trunk.hiddenStates(batch), batch.lastIndex()))
    }

    /// Normalised rewards, (raw - mean) / deviation, of whole sequences, without history.
    ///
    /// - Parameter tokenBudget: tokens of a micro-batch, padding included.
    package func score(_ rows: [[Int32]], tokenBudget: Int = 4096) throws -> [Float] {
        var results = [Float](repeating: 0, count: rows.count)
        for piece in TokenBudget.cut(rows.map(\.count), budget: tokenBudget) {
            let batch = try TokenBatch(piece.map { rows[$0] }, device: device)
            let raw = try noGrad { try rawRewards(batch).floats() }
            for (index, value) in zip(piece, raw) { results[index] = Float((Double(value) - mean) / deviation) }
        }
        return results
    }

    package func files() throws -> [String: Data] {
        var files = companions
        try files.merge(ScalarModelFiles.data(trunk, head, headFile: Self.headFile)) { $1 }
        files[Self.numbersFile] = try numbers()
        return files
    }

    private func numbers() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(Numbers(mean: mean, deviation: deviation))
    }

    package func export(to directory: String) throws { try ModelFiles.write(files(), to: directory) }

    /// Adapter, head and numbers alone, in PEFT's format with the rest beside it; an error without an adapter.
    package func exportAdapter(to directory: String) throws {
        var files = try ScalarModelFiles.adapter(trunk, head, headFile: Self.headFile)
        files[Self.numbersFile] = try numbers()
        try ModelFiles.write(files, to: directory)
    }

    /// An adapter of ``exportAdapter(to:)`` over the base it was trained on, which is shared and not copied.
    package convenience init(adapter directory: String, over base: CausalLM) throws {
        let files = ModelFiles.directory(directory)
        let adapter = try LowRankAdapter(files, for: base.configuration, device: base.device)
        let numbers = try Self.readNumbers(files)
        self.init(
            trunk: try Transformer(sharing: base.trunk, adapter: adapter),
            head: try ScalarHead(
                WeightFiles(files.safetensors(Self.headFile)), hiddenSize: base.configuration.hiddenSize,
                device: base.device, dtype: .float32),
            mean: numbers.mean, deviation: numbers.deviation)
    }

    private static let headFile = "reward_head.safetensors"
    private static let numbersFile = "reward.json"

    private struct Numbers: Codable {
        let mean: Double
        let deviation: Double
    }
}
