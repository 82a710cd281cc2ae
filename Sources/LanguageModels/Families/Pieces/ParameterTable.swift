import Torch

/// A model's tensors by name, as the layers ask for them.
struct ParameterTable {
    private let tensors: [String: Tensor]
    /// By the name of a linear map.
    private let changes: [String: LowRank]

    init(_ tensors: [String: Tensor], changes: [String: LowRank] = [:]) {
        self.tensors = tensors
        self.changes = changes
    }

    /// What an adapter adds to the linear map `name`.
    func change(_ name: String) -> LowRank? { changes[name] }

    func tensor(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw LanguageModelError(.weights, "the model has no tensor '\(name)'")
        }
        return tensor
    }

    /// `name`.weight [out, in] and, where the family has one, `name`.bias [out].
    func projection(_ name: String) throws -> Projection {
        Projection(
            weight: try tensor("\(name).weight"), bias: tensors["\(name).bias"], change: change(name))
    }

    /// `name`.weight [d] of an RMSNorm.
    func rms(_ name: String, epsilon: Double) throws -> Norm { .rms(try tensor("\(name).weight"), epsilon) }

    /// `name`.weight [d] of Gemma's RMSNorm, stored as the difference from 1.
    func offsetRMS(_ name: String, epsilon: Double) throws -> Norm { .offsetRMS(try tensor("\(name).weight"), epsilon) }

    /// `name`.weight and `name`.bias [d] of a LayerNorm.
    func layerNorm(_ name: String, epsilon: Double) throws -> Norm {
        .layer(try tensor("\(name).weight"), try tensor("\(name).bias"), epsilon)
    }
}
