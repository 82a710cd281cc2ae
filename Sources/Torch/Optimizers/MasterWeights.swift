/// What learns, where what computes is in half precision: fp32 copies of its weights (Micikevicius et al. 2018, "Mixed
/// precision training"). bf16 has the range of fp32, so losses need no scaling. Weights that are fp32 are their own copy.
///
/// Owned by what trains, on the thread that owns the tensors.
package struct MasterWeights {
    private let pairs: [(working: Tensor, master: NamedTensor)]
    /// For the optimizer and for checkpoints, in the order of the parameters.
    package let parameters: [NamedTensor]
    /// Those of the parameters that are copies, for checkpoints that hold what computes as well.
    package var copies: [NamedTensor] { pairs.map(\.master) }

    package init(_ working: [NamedTensor]) throws {
        var pairs: [(working: Tensor, master: NamedTensor)] = []
        parameters = try working.map { parameter in
            guard try parameter.tensor.dtype != .float32 else { return parameter }
            let master = NamedTensor(
                parameter.name, try noGrad { try parameter.tensor.detach().to(dtype: .float32) })
            pairs.append((parameter.tensor, master))
            return master
        }
        self.pairs = pairs
    }

    /// After each backward pass: gradients of micro-batches are added up in fp32.
    package func collect() throws {
        for pair in pairs {
            guard let gradient = try pair.working.gradient() else { continue }
            let wide = try gradient.to(dtype: .float32)
            let master = pair.master.tensor
            try master.setGradient(noGrad { try master.gradient().map { try $0 + wide } ?? wide })
            try pair.working.setGradient(nil)
        }
    }

    /// After the masters have changed.
    package func publish() throws {
        try noGrad { for pair in pairs { try pair.working.copy(from: pair.master.tensor) } }
    }
}
