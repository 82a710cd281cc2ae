import Torch

/// Scaled dot-product attention of one layer, from query, key and value heads to their mixture.
struct Attention {
    /// Of the layer; where the cache keeps its keys and values.
    let layer: Int
    /// nil = 1 / sqrt(D)
    var scale: Double?
    /// A token looks at itself and the `window` - 1 before it; nil = at all before it.
    var window: Int?
    /// Over the elements of each head, before they are turned.
    var queryNorm: Norm?
    var keyNorm: Norm?

    init(layer: Int, scale: Double? = nil, window: Int? = nil, queryNorm: Norm? = nil, keyNorm: Norm? = nil) {
        self.layer = layer
        self.scale = scale
        self.window = window
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
    }

    /// x [B, T, H * D] -> [B, H, T, D]
    static func heads(_ x: Tensor, _ count: Int, _ size: Int) throws -> Tensor {
        try x.reshape([x.size(0), x.size(1), count, size]).transpose(1, 2)
    }

    /// x [B, H, T, D] -> [B, T, H * D]
    private static func joined(_ x: Tensor) throws -> Tensor {
        try x.transpose(1, 2).reshape([x.size(0), x.size(2), x.size(1) * x.size(3)])
    }

    /// q [B, H, T, D], k and v [B, K, T, D] -> [B, T, H * D]
    ///
    /// - Parameter turn: angles of the positions; nil in families without rotary positions.
    func callAsFunction(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, turn: RotaryEmbedding.Turn?, _ pass: ForwardPass
    ) throws -> Tensor {
        var (q, k, v) = (try queryNorm?(q) ?? q, try keyNorm?(k) ?? k, v)
        if let turn { (q, k) = (try RotaryEmbedding.rotate(q, turn), try RotaryEmbedding.rotate(k, turn)) }
        if let cache = pass.input.cache { (k, v) = try cache.append(k, v, layer: layer) }
        if Arithmetic.current == .exact { try pass.checkPlain() }
        guard pass.past == 0 else {
            let look = try pass.look(window)
            if let keys = look.keys { (k, v) = (try k.slice(2, keys), try v.slice(2, keys)) }
            return try Self.joined(q.attention(k, v, mask: look.mask, scale: scale))
        }
        switch pass.input.layout {
        case .plain: return try Self.joined(q.causalAttention(k, v, window: window, scale: scale))
        case .sequences(let starts, let lengths):
            return try Self.joined(
                q.packedAttention(k, v, starts: starts, lengths: lengths, window: window, scale: scale))
        }
    }
}
