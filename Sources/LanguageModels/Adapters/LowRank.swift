import Torch

/// The low-rank change of one linear map: scale * B A. fp32, whatever the type of the weights.
struct LowRank {
    /// [r, in]
    let a: Tensor
    /// [out, r]
    let b: Tensor
    let scale: Double

    /// What is added to the map's output, in x's type. x [..., in] -> [..., out]
    func callAsFunction(_ x: Tensor) throws -> Tensor {
        try (x.to(dtype: .float32).linear(a) * scale).linear(b).to(dtype: x.dtype)
    }

    /// `weight` with the change in it, without history. -> the shape of `weight`, fp32: a change may be smaller than the
    /// last place of a half-precision weight.
    func merged(into weight: Tensor, transposed: Bool) throws -> Tensor {
        try noGrad {
            let change = try b.detach().matmul(a.detach()) * scale
            return try weight.detach().to(dtype: .float32) + (transposed ? change.transpose(0, 1) : change)
        }
    }
}
