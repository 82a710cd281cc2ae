import Torch

/// A linear map.
struct Projection {
    /// [out, in]
    let weight: Tensor
    /// [out]
    let bias: Tensor?
    var change: LowRank?

    /// x [..., in] -> [..., out]
    func callAsFunction(_ x: Tensor) throws -> Tensor {
        try change?.linear(x, weight, bias) ?? x.linear(weight, bias)
    }

    /// The same map with the change in its weight, without history.
    func merged() throws -> Projection {
        guard let change else { return self }
        return Projection(weight: try change.merged(into: weight, transposed: false), bias: bias)
    }

    /// The map onto some of the outputs, once it is merged.
    func rows(_ range: Range<Int>) throws -> Projection {
        Projection(
            weight: try weight.slice(0, range).contiguous(), bias: try bias.map { try $0.slice(0, range).contiguous() })
    }
}

/// A normalisation over the last dimension. Weights and biases [d].
enum Norm {
    /// x / rms(x) * w (Zhang and Sennrich 2019)
    case rms(Tensor, Double)
    /// Gemma's: x / rms(x) * (1 + w), all of it in fp32.
    case offsetRMS(Tensor, Double)
    /// (x - mean) / deviation * w + b (Ba et al. 2016)
    case layer(Tensor, Tensor, Double)

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        switch self {
        case .rms(let weight, let epsilon): return try x.rmsNorm(weight, epsilon: epsilon)
        case .offsetRMS(let weight, let epsilon):
            let dtype = try x.dtype
            if dtype == .float32 || dtype == .float64 { return try x.rmsNorm(weight + 1, epsilon: epsilon) }
            return try x.to(dtype: .float32).rmsNorm(weight.to(dtype: .float32) + 1, epsilon: epsilon).to(dtype: dtype)
        case .layer(let weight, let bias, let epsilon): return try x.layerNorm(weight, bias, epsilon: epsilon)
        }
    }
}

extension ModelConfiguration.Activation {
    func callAsFunction(_ x: Tensor) throws -> Tensor {
        switch self {
        case .silu: try x.silu()
        case .gelu: try x.gelu()
        case .geluTanh: try x.gelu(tanh: true)
        case .relu: try x.relu()
        }
    }
}

/// down(activation(gate(x)) * up(x)) (Shazeer 2020).
struct GatedFeedForward {
    enum Input {
        case separate(gate: Projection, up: Projection)
        /// Phi-3's: the rows of the gate, then those of up.
        case fused(Projection)
    }

    let input: Input
    let down: Projection
    let activation: ModelConfiguration.Activation

    /// x [B, T, d] -> [B, T, d]
    func callAsFunction(_ x: Tensor) throws -> Tensor {
        switch input {
        case .separate(let gate, let up):
            let opened = try activation(gate(x))
            return try down(opened * up(x))
        case .fused(let both):
            let wide = try both(x)
            let half = wide.size(-1) / 2
            let opened = try activation(wide.slice(-1, 0..<half))
            return try down(opened * wide.slice(-1, half..<(half * 2)))
        }
    }
}
