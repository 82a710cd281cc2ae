package import Torch

/// The trunk of a language model: from tokens to hidden states after the last norm, without a head.
///
/// Owned by the role that computes with it; everything runs on the compute thread. Not Sendable.
package final class Transformer {
    package let configuration: ModelConfiguration
    /// In a fixed order, with the names of Hugging Face files.
    package let parameters: [NamedTensor]
    /// The embedding table [V, d].
    package let embedding: Tensor
    /// Added to some of the linear maps; the parameters above are those of the base.
    package let adapter: LowRankAdapter?
    /// Gradient checkpointing: of a pass with history only what lies between layers is kept, the rest is computed again
    /// in the backward pass. Saves memory for a third more work; results and gradients stay the same to the bit.
    package var recomputesLayers = false
    /// Of every pass over this model.
    package var arithmetic = Arithmetic.fast
    let family: any Family

    /// - Parameter tensor: makes or loads each parameter; gets its index in the fixed order.
    init(
        _ configuration: ModelConfiguration, adapter: LowRankAdapter? = nil,
        _ tensor: (TensorSpecification, Int) throws -> Tensor
    ) throws {
        guard let type = Families.named(configuration.modelType) else {
            throw LanguageModelError(.configuration, "model_type '\(configuration.modelType)' is not supported")
        }
        self.configuration = configuration
        self.adapter = adapter
        parameters = try type.tensors(configuration).enumerated().map { index, specification in
            NamedTensor(specification.name, try tensor(specification, index))
        }
        let named = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.tensor) })
        guard let table = named[type.embeddingName] else {
            throw LanguageModelError(.weights, "the model has no tensor '\(type.embeddingName)'")
        }
        embedding = table
        family = try type.init(configuration, ParameterTable(named, changes: adapter?.changes ?? [:]))
    }

    /// Fresh weights.
    package convenience init(
        _ configuration: ModelConfiguration, seed: UInt64, device: Device = .cpu, dtype: DType = .float32
    ) throws {
        try self.init(configuration) {
            try Initialization.tensor($0, seed: seed, index: $1, dtype: dtype, device: device)
        }
    }

    convenience init(
        _ configuration: ModelConfiguration, _ weights: WeightFiles, device: Device, dtype: DType
    ) throws {
        try self.init(configuration) { specification, _ in
            try weights.tensor(specification, dtype: dtype, device: device)
        }
    }

    /// The same weights, not copied, with another adapter or none. None of those that share may train the base.
    package convenience init(sharing other: Transformer, adapter: LowRankAdapter?) throws {
        try self.init(other.configuration, adapter: adapter) { _, index in other.parameters[index].tensor }
    }

    /// A copy of weights and adapter, without gradients.
    package func copy() throws -> Transformer {
        try Transformer(configuration, adapter: adapter?.copy()) { _, index in
            try noGrad { try parameters[index].tensor.detach().clone() }
        }
    }

    /// The parameters that are trained: those of the adapter if there is one, else all.
    package var trainable: [NamedTensor] { adapter?.parameters ?? parameters }

    /// The weights of a model without an adapter that computes the same.
    func mergedParameters() throws -> [NamedTensor] { try adapter?.merged(parameters) ?? parameters }

    package var device: Device { embedding.device }

    /// Hidden states after the last norm, differentiable. -> [B, T, d]; padding has meaningless ones.
    package func hiddenStates(_ batch: TokenBatch) throws -> Tensor {
        guard batch.width <= configuration.contextLength else {
            throw LanguageModelError(
                .argument, "a sequence of \(batch.width) tokens is beyond the context of \(configuration.contextLength)"
            )
        }
        try configuration.checkTokens(batch.rows)
        return try arithmetic {
            try family.forward(
                ForwardInput(
                    tokens: batch.tokens, positions: batch.positions, layout: batch.layout,
                    recompute: recomputesLayers))
        }
    }
}

/// Operations on lists of parameters that models with and without heads share.
enum Parameters {
    static func setTrainable(_ parameters: [NamedTensor], _ trainable: Bool) throws {
        for parameter in parameters {
            try parameter.tensor.setRequiresGrad(trainable)
            if !trainable { try parameter.tensor.setGradient(nil) }
        }
    }

    /// Copies the tensors of `file` into the parameters; all are checked before the first is changed.
    static func load(
        _ parameters: [NamedTensor], from file: Safetensors, ignoring ignored: (String) -> Bool
    ) throws {
        let weights = WeightFiles(file)
        try weights.expectOnly(Set(parameters.map(\.name)), ignoring: ignored)
        let staged = try parameters.map { parameter in
            try weights.tensor(
                TensorSpecification(parameter.name, parameter.tensor.shape, .zeros),
                dtype: parameter.tensor.dtype, device: parameter.tensor.device)
        }
        try noGrad {
            for (parameter, tensor) in zip(parameters, staged) { try parameter.tensor.copy(from: tensor) }
        }
    }

    /// The same tensors in another type, for files.
    static func converted(_ parameters: [NamedTensor], to dtype: DType) throws -> [NamedTensor] {
        try noGrad {
            try parameters.map { NamedTensor($0.name, try $0.tensor.detach().to(dtype: dtype, device: .cpu)) }
        }
    }

    static func name(of dtype: DType) -> String { "\(dtype)" }
}
