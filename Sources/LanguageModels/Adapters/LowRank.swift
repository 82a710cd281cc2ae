import Torch

/// The low-rank change of one linear map: scale * B A. fp32, whatever the type of the weights.
struct LowRank {
    /// [r, in]
    let a: Tensor
    /// [out, r]
    let b: Tensor
    let scale: Double

    /// The changed map. x [..., in], weight [out, in] -> [..., out]
    func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) throws -> Tensor {
        // What samples has one merged weight, and exactly that product. Until the backward pass it is kept for each map.
        if Arithmetic.current == .exact { return try x.linear(weight + matrix(a, b), bias) }
        let change = try (x.to(dtype: .float32).linear(a) * scale).linear(b)
        return try x.linear(weight, bias) + change.to(dtype: x.dtype)
    }

    /// What is added to the weight, [out, in]
    private func matrix(_ a: Tensor, _ b: Tensor) throws -> Tensor { try b.linear(a.transpose(0, 1)) * scale }

    /// `weight` with the change in it, without history. -> the shape of `weight`, fp32: a change may be smaller than the
    /// last place of a half-precision weight.
    func merged(into weight: Tensor, transposed: Bool) throws -> Tensor {
        try noGrad {
            let change = try matrix(a.detach(), b.detach())
            return try weight.detach().to(dtype: .float32) + (transposed ? change.transpose(0, 1) : change)
        }
    }
}
