package import Foundation
package import Torch

/// A language model: trunk and head.
///
/// Owned by the role that computes with it; everything runs on the compute thread. Not Sendable. Weights are constants
/// until ``setTrainable(_:)`` says otherwise.
package final class CausalLM {
    package let trunk: Transformer
    /// [V, d]; the embedding table itself when the head is tied.
    package let head: Tensor
    /// Trunk, then the head (`lm_head.weight` in most families) unless that is tied. The order is fixed.
    package let parameters: [NamedTensor]
    /// Tokenizer files and the like that travel with the model: name -> bytes.
    package var companions: [String: Data]
    let decoders = DecoderHolder()

    /// What files call the head.
    package var headName: String { Self.headName(configuration) }

    static func headName(_ configuration: ModelConfiguration) -> String {
        Families.named(configuration.modelType)?.headName ?? "lm_head.weight"
    }

    package var configuration: ModelConfiguration { trunk.configuration }
    package var device: Device { trunk.device }

    private init(_ trunk: Transformer, head: Tensor?, companions: [String: Data]) {
        self.trunk = trunk
        self.head = head ?? trunk.embedding
        self.companions = companions
        parameters = trunk.parameters + (head.map { [NamedTensor(Self.headName(trunk.configuration), $0)] } ?? [])
    }

    // MARK: Making and loading

    /// Fresh weights: normal with the configuration's deviation, norms 1, biases 0.
    package convenience init(
        configuration: ModelConfiguration, seed: UInt64, device: Device = .cpu, dtype: DType = .float32,
        companions: [String: Data] = [:]
    ) throws {
        let trunk = try Transformer(configuration, seed: seed, device: device, dtype: dtype)
        let head = try Self.headSpecification(configuration).map {
            try Initialization.tensor(
                $0, seed: seed, index: trunk.parameters.count, dtype: dtype, device: device)
        }
        self.init(trunk, head: head, companions: companions)
    }

    /// From a Hugging Face directory. Weights are converted to `dtype`.
    package convenience init(directory: String, device: Device = .cpu, dtype: DType = .float32) throws {
        try self.init(.directory(directory), device: device, dtype: dtype)
    }

    /// From the files of an artifact: name -> bytes.
    package convenience init(files: [String: Data], device: Device = .cpu, dtype: DType = .float32) throws {
        try self.init(.memory(files), device: device, dtype: dtype)
    }

    /// - Throws: ``LanguageModelError`` that names the file, key or tensor that is missing, misshaped, unknown or not finite.
    package convenience init(_ files: ModelFiles, device: Device = .cpu, dtype: DType = .float32) throws {
        let configuration = try files.configuration()
        let weights = try WeightFiles(files, of: configuration)
        let headName = Self.headName(configuration)
        let trunk = try Transformer(configuration, weights, device: device, dtype: dtype)
        let specification = Self.headSpecification(configuration)
        if specification != nil, !weights.has(headName) {
            throw LanguageModelError(
                .weights,
                "\(files.label) has no head '\(headName)', and config.json does not say tie_word_embeddings; save the model "
                    + "with its head (AutoModelForCausalLM … save_pretrained)")
        }
        let head = try specification.map { try weights.tensor($0, dtype: dtype, device: device) }
        try weights.expectOnly(Set(trunk.parameters.map(\.name) + [headName])) {
            Families.named(configuration.modelType)?.isIgnored($0) ?? false
        }
        if specification == nil, weights.has(headName) {
            // Some files repeat the table under the head's name; another head there would silently be lost.
            let repeated = try weights.tensor(
                TensorSpecification(headName, trunk.embedding.shape, .zeros), dtype: dtype, device: device)
            guard try (repeated - trunk.embedding).abs().max().item() == 0 else {
                throw LanguageModelError(
                    .weights,
                    "\(files.label) says tie_word_embeddings but '\(headName)' differs from the embeddings")
            }
        }
        self.init(trunk, head: head, companions: try files.readCompanions())
    }

    static func headSpecification(_ configuration: ModelConfiguration) -> TensorSpecification? {
        configuration.tiedHead
            ? nil
            : TensorSpecification(
                headName(configuration), [configuration.vocabularySize, configuration.hiddenSize],
                .normal(deviation: configuration.initializerRange))
    }

    /// The same weights, not copied, with another adapter or none: a policy, its reference and more from one base.
    package convenience init(sharing model: CausalLM, adapter: LowRankAdapter?) throws {
        self.init(
            try Transformer(sharing: model.trunk, adapter: adapter),
            head: model.configuration.tiedHead ? nil : model.head, companions: model.companions)
    }

    /// A copy of the weights, without gradients.
    package func copy() throws -> CausalLM {
        let tied = configuration.tiedHead
        return CausalLM(
            try trunk.copy(), head: try tied ? nil : noGrad { try head.detach().clone() }, companions: companions)
    }

    /// Replaces all weights by those of another version: a whole `model.safetensors` in memory.
    ///
    /// Every tensor is checked before the first is changed, so that an error leaves the model as it was.
    package func load(safetensors data: Data) throws {
        try Parameters.load(parameters, from: Safetensors(data: data, name: "model.safetensors")) { _ in false }
    }

    /// The parameters that are trained: those of the adapter if there is one, else all.
    package var trainable: [NamedTensor] { trunk.adapter?.parameters ?? parameters }

    /// Whether ``trainable`` takes part in autograd.
    package func setTrainable(_ trainable: Bool) throws { try Parameters.setTrainable(self.trainable, trainable) }

    /// ``parameters`` with the adapter in them.
    private func mergedParameters() throws -> [NamedTensor] { try trunk.adapter?.merged(parameters) ?? parameters }

    // MARK: Saving

    // An adapter is merged: what is saved is a plain model. ``LowRankAdapter/export(to:)`` saves it alone.

    /// `model.safetensors` in memory. The same weights give the same bytes.
    package func safetensorsData(dtype: DType = .float32) throws -> Data {
        try Safetensors.data(Parameters.converted(mergedParameters(), to: dtype))
    }

    /// All files of a Hugging Face directory: config.json, model.safetensors, companions.
    package func files(dtype: DType = .float32) throws -> [String: Data] {
        var files = companions
        files["config.json"] = try configuration.data(dtype: Parameters.name(of: dtype))
        files["model.safetensors"] = try safetensorsData(dtype: dtype)
        return files
    }

    /// Writes a Hugging Face directory, each file atomically.
    ///
    /// - Parameter synced: false leaves it to the system when the files reach the disk.
    package func export(to directory: String, dtype: DType = .float32, synced: Bool = true) throws {
        var files = companions
        files["config.json"] = try configuration.data(dtype: Parameters.name(of: dtype))
        try ModelFiles.write(files, to: directory, synced: synced)
        try Safetensors.write(
            Parameters.converted(mergedParameters(), to: dtype), to: "\(directory)/model.safetensors", synced: synced)
    }

    // MARK: Computing

    /// hidden [..., d] -> logits [..., V]
    package func logits(hidden: Tensor) throws -> Tensor { try trunk.arithmetic { try hidden.linear(head) } }

    /// Logits at every place. -> [B, T, V], meaningless at padding
    package func logits(_ batch: TokenBatch) throws -> Tensor { try logits(hidden: trunk.hiddenStates(batch)) }

    /// Logits at every place of right-padded rows. -> [B, T, V]
    package func logits(tokens: [[Int32]]) throws -> Tensor { try logits(TokenBatch(tokens, device: device)) }
}
