import Torch

// The pieces of a family as the fused decoder takes them.

extension FusedDecoder.Shape {
    /// What the configuration says by itself; embedding scale and kind of norm are the family's to add.
    init(_ configuration: ModelConfiguration) {
        self.init(
            hiddenSize: configuration.hiddenSize, intermediateSize: configuration.intermediateSize,
            headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
            headSize: configuration.headSize, vocabularySize: configuration.vocabularySize,
            rotarySize: configuration.rotarySize, normEpsilon: configuration.normEpsilon,
            attentionScale: configuration.attentionScale ?? 1 / Double(configuration.headSize).squareRoot(),
            activation: configuration.activation.fused)
        parallel = configuration.parallelResidual
    }
}

extension ModelConfiguration.Activation {
    fileprivate var fused: FusedDecoder.Activation {
        switch self {
        case .silu: .silu
        case .gelu: .gelu
        case .geluTanh: .geluTanh
        case .relu: .relu
        }
    }
}

extension Norm {
    /// Call without gradients.
    func fused() throws -> FusedDecoder.Norm {
        switch self {
        case .rms(let weight, _): FusedDecoder.Norm(weight)
        case .offsetRMS(let weight, _): FusedDecoder.Norm(try weight + 1)
        case .layer(let weight, let bias, _): FusedDecoder.Norm(weight, bias)
        }
    }
}

extension Projection {
    /// Call without gradients.
    func fused() throws -> FusedDecoder.Linear {
        let merged = try merged()
        return FusedDecoder.Linear(merged.weight, merged.bias)
    }
}

extension RotaryEmbedding {
    /// Nil when nothing is turned.
    func fused(_ configuration: ModelConfiguration) -> ((Int) throws -> FusedDecoder.Angles)? {
        guard configuration.rotarySize > 0 else { return nil }
        return { count in
            let (cos, sin) = try self.tables(count, device: .cpu)
            return FusedDecoder.Angles(cos: cos, sin: sin)
        }
    }
}

extension GatedBlock {
    /// Call without gradients.
    func fused(_ configuration: ModelConfiguration) throws -> FusedDecoder.Layer {
        let (q, k, v) = try queryKeyValue.parts(configuration)
        let (gate, up) = try feedForward.input.parts(configuration.intermediateSize)
        var layer = FusedDecoder.Layer(
            inputNorm: try inputNorm.fused(), feedForwardNorm: try feedForwardNorm.fused(), q: try q.fused(),
            k: try k.fused(), v: try v.fused(), o: try output.fused(), gate: try gate.fused(), up: try up.fused(),
            down: try feedForward.down.fused())
        layer.attentionOutputNorm = try attentionOutputNorm?.fused()
        layer.feedForwardOutputNorm = try feedForwardOutputNorm?.fused()
        layer.queryNorm = try attention.queryNorm?.fused()
        layer.keyNorm = try attention.keyNorm?.fused()
        layer.window = attention.window
        return layer
    }
}

extension GatedBlock.QueryKeyValue {
    fileprivate func parts(_ configuration: ModelConfiguration) throws -> (Projection, Projection, Projection) {
        switch self {
        case .separate(let q, let k, let v): return (q, k, v)
        case .fused(let wide):
            let (all, queries, keys) = (try wide.merged(), configuration.queryWidth, configuration.keyWidth)
            return (
                try all.rows(0..<queries), try all.rows(queries..<(queries + keys)),
                try all.rows((queries + keys)..<(queries + 2 * keys))
            )
        }
    }
}

extension GatedFeedForward.Input {
    fileprivate func parts(_ size: Int) throws -> (gate: Projection, up: Projection) {
        switch self {
        case .separate(let gate, let up): return (gate, up)
        case .fused(let wide):
            let both = try wide.merged()
            return (try both.rows(0..<size), try both.rows(size..<(2 * size)))
        }
    }
}
