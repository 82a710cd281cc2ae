package import Foundation
import Torch

/// A model whose weights are those of its base with one adapter after another merged in: W = W0 + scale * B A.
///
/// What generators sample from. The base weights that an adapter changes are kept, so that the weights of a version are a
/// function of base and adapter alone, whichever version was there before. On the compute thread.
package final class MergedModel {
    package let model: CausalLM
    /// Name of a tensor -> its elements in the base.
    private var originals: [String: Tensor] = [:]

    package init(_ model: CausalLM) { self.model = model }

    /// Puts the adapter of `files` in place of the one before. All is read and checked before a weight is changed.
    package func merge(adapter files: [String: Data]) throws {
        try merge(LowRankAdapter(files: files, for: model.configuration, device: model.device))
    }

    /// Puts an adapter in place of the one before.
    package func merge(_ adapter: LowRankAdapter) throws {
        let changed = Set(adapter.modules.map { "\($0.name).weight" })
        try noGrad {
            for parameter in model.parameters where changed.contains(parameter.name) {
                if originals[parameter.name] == nil { originals[parameter.name] = try parameter.tensor.clone() }
            }
            let base = model.parameters.map { NamedTensor($0.name, originals[$0.name] ?? $0.tensor) }
            let tensors = try model.trunk.arithmetic { try adapter.merged(base) }
            for (parameter, merged) in zip(model.parameters, tensors)
            where originals[parameter.name] != nil {
                try parameter.tensor.copy(from: merged.tensor)
            }
        }
    }

    /// Whether an adapter was merged, so that ``restore()`` leads back to the base.
    package var hasMerged: Bool { !originals.isEmpty }

    /// The base as it was.
    package func restore() throws {
        try noGrad {
            for parameter in model.parameters {
                if let original = originals[parameter.name] { try parameter.tensor.copy(from: original) }
            }
        }
    }
}
