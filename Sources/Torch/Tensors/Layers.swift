import CTorch

/// The layers that transformers are made of.
extension Tensor {
    package func matmul(_ other: Tensor) throws -> Tensor { try binary(CTORCH_MATMUL, other) }

    /// x W^T + b. self [..., in], weight [out, in], bias [out] -> [..., out]
    package func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws -> Tensor {
        try Tensor.make { ctorch_linear(handle, weight.handle, bias?.handle, $0) }
    }

    /// Rows of this table [V, d] for `indices` (int64 or int32, any shape) -> [..., d]
    package func embedding(_ indices: Tensor) throws -> Tensor {
        try Tensor.make { ctorch_embedding(handle, indices.handle, $0) }
    }

    /// x / sqrt(mean(x^2) + epsilon) * weight over the last dimension (Zhang and Sennrich 2019).
    package func rmsNorm(_ weight: Tensor, epsilon: Double) throws -> Tensor {
        try Tensor.make { ctorch_rms_norm(handle, weight.handle, epsilon, $0) }
    }

    package func layerNorm(_ weight: Tensor, _ bias: Tensor?, epsilon: Double) throws -> Tensor {
        try Tensor.make { ctorch_layer_norm(handle, weight.handle, bias?.handle, epsilon, $0) }
    }

    /// Turns the first R elements of each head by the angles of its position (Su et al. 2021), in the halves layout.
    ///
    /// self [B, H, T, D]; cos, sin [1 or B, 1, T, R] -> [B, H, T, D]
    package func rotated(cos: Tensor, sin: Tensor) throws -> Tensor {
        try Tensor.make { ctorch_rotate(handle, cos.handle, sin.handle, $0) }
    }

    /// softmax(q k^T * scale) v of T positions that each look at themselves and the `window` - 1 before them, with self
    /// as q; nil = at all before.
    ///
    /// self [B, H, T, D]; k, v [B, K, T, D] where K divides H; scale nil = 1/sqrt(D). -> [B, H, T, D]
    package func causalAttention(_ k: Tensor, _ v: Tensor, window: Int? = nil, scale: Double? = nil) throws -> Tensor {
        let factor = scale ?? 1 / Double(size(-1)).squareRoot()
        return try Tensor.make {
            ctorch_causal_attention(handle, k.handle, v.handle, Int64(window ?? 0), factor, $0)
        }
    }

    /// The same of sequences that share lines; places of none get 0.
    ///
    /// - Parameters:
    ///   - starts: of each sequence, in [B * T]; none reaches into another line or sequence.
    ///   - lengths: of each sequence.
    package func packedAttention(
        _ k: Tensor, _ v: Tensor, starts: [Int], lengths: [Int], window: Int? = nil, scale: Double? = nil
    ) throws -> Tensor {
        guard starts.count == lengths.count else {
            throw TorchError(.argument, "\(starts.count) starts but \(lengths.count) lengths of sequences")
        }
        let factor = scale ?? 1 / Double(size(-1)).squareRoot()
        return try Tensor.make {
            ctorch_packed_attention(
                handle, k.handle, v.handle, starts.map(Int64.init), lengths.map(Int64.init), Int32(starts.count),
                Int64(window ?? 0), factor, $0)
        }
    }

    /// softmax(q k^T * scale) v, with self as q.
    ///
    /// self [B, H, T, D]; k, v [B, K, S, D] where K divides H (grouped-query attention); `mask` bool, broadcast to
    /// [B, H, T, S], true = may look; `causal` needs T = S; scale nil = 1/sqrt(D). -> [B, H, T, D]
    package func attention(
        _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Double? = nil
    ) throws -> Tensor {
        try Tensor.make { ctorch_attention(handle, k.handle, v.handle, mask?.handle, causal, scale ?? .nan, $0) }
    }
}
