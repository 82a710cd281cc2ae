import Torch

/// GPT-NeoX (Black et al. 2022) and Pythia: LayerNorm, rotary positions on the first part of each head, attention and
/// feed-forward part side by side, and queries, keys and values of each head next to each other in one projection.
final class GPTNeoX: Family {
    static let modelTypes = ["gpt_neox"]
    static let embeddingName = "gpt_neox.embed_in.weight"
    static let headName = "embed_out.weight"

    private struct Layer {
        let attentionNorm, feedForwardNorm: Norm
        /// [H * 3 * D, d]: for each head the rows of its query, its key and its value.
        let queryKeyValue: Projection
        let attention: Attention
        let output: Projection
        let up, down: Projection
    }

    private let configuration: ModelConfiguration
    private let embedding: Tensor
    private let layers: [Layer]
    private let finalNorm: Norm
    private let rotary: RotaryEmbedding

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        let epsilon = configuration.normEpsilon
        self.configuration = configuration
        embedding = try parameters.tensor(Self.embeddingName)
        finalNorm = try parameters.layerNorm("gpt_neox.final_layer_norm", epsilon: epsilon)
        layers = try (0..<configuration.layerCount).map { index in
            let prefix = "gpt_neox.layers.\(index)"
            return Layer(
                attentionNorm: try parameters.layerNorm("\(prefix).input_layernorm", epsilon: epsilon),
                feedForwardNorm: try parameters.layerNorm("\(prefix).post_attention_layernorm", epsilon: epsilon),
                queryKeyValue: try parameters.projection("\(prefix).attention.query_key_value"),
                attention: Attention(layer: index), output: try parameters.projection("\(prefix).attention.dense"),
                up: try parameters.projection("\(prefix).mlp.dense_h_to_4h"),
                down: try parameters.projection("\(prefix).mlp.dense_4h_to_h"))
        }
        rotary = RotaryEmbedding(size: configuration.rotarySize, configuration.rotary)
    }

    func forward(_ input: ForwardInput) throws -> Tensor {
        let pass = ForwardPass(input)
        let (cos, sin) = try rotary.angles(input.positions, below: pass.reach)
        let dtype = try embedding.dtype
        let turn = RotaryEmbedding.Turn(cos: try cos.to(dtype: dtype), sin: try sin.to(dtype: dtype))
        var x = try embedding.embedding(input.tokens)
        for layer in layers {
            x = try pass.layer(x) { try self.layer($0, layer, turn, pass) }
        }
        pass.end()
        return try finalNorm(x)
    }

    /// x [B, T, d] -> [B, T, d]
    private func layer(
        _ x: Tensor, _ layer: Layer, _ turn: RotaryEmbedding.Turn, _ pass: ForwardPass
    ) throws -> Tensor {
        let attended = try attended(layer.attentionNorm(x), layer, turn, pass)
        let y = try attended + x
        return try y + fed(layer.feedForwardNorm(configuration.parallelResidual ? x : y), layer)
    }

    /// x [B, T, d] -> [B, T, d]
    private func attended(
        _ x: Tensor, _ layer: Layer, _ turn: RotaryEmbedding.Turn, _ pass: ForwardPass
    ) throws -> Tensor {
        let size = configuration.headSize
        let wide = try Attention.heads(layer.queryKeyValue(x), configuration.headCount, 3 * size)
        func heads(_ part: Int) throws -> Tensor { try wide.slice(-1, part * size..<(part + 1) * size) }
        return try layer.output(layer.attention(heads(0), heads(1), heads(2), turn: turn, pass))
    }

    /// x [B, T, d] -> [B, T, d]
    private func fed(_ x: Tensor, _ layer: Layer) throws -> Tensor {
        try layer.down(configuration.activation(layer.up(x)))
    }

    func decoder(_ options: DecoderOptions) throws -> FusedDecoder {
        try noGrad {
            var shape = FusedDecoder.Shape(configuration)
            shape.layerNorms = true
            let decoder = try FusedDecoder(
                shape, layerCount: layers.count,
                FusedDecoder.Tables(
                    embedding: options.table(embedding, configuration), angles: rotary.fused(configuration),
                    finalNorm: finalNorm.fused(), head: options.head),
                consuming: options.consuming, threads: options.threads)
            for layer in layers {
                let all = try layer.queryKeyValue.merged()
                try decoder.add(
                    FusedDecoder.Layer(
                        inputNorm: layer.attentionNorm.fused(), feedForwardNorm: layer.feedForwardNorm.fused(),
                        q: part(0, of: all), k: part(1, of: all), v: part(2, of: all), o: layer.output.fused(),
                        gate: nil, up: layer.up.fused(), down: layer.down.fused()))
            }
            return decoder
        }
    }

    /// The rows of all heads' queries (0), keys (1) or values (2): [H, D, d], not copied.
    private func part(_ part: Int, of all: Projection) throws -> FusedDecoder.Linear {
        let (count, size, d) = (configuration.headCount, configuration.headSize, configuration.hiddenSize)
        let rows = part * size..<(part + 1) * size
        return FusedDecoder.Linear(
            try all.weight.reshape([count, 3 * size, d]).slice(1, rows),
            try all.bias.map { try $0.reshape([count, 3 * size]).slice(1, rows).reshape([count * size]) })
    }
}
