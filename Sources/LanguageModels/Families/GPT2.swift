import Torch

/// GPT-2 (Radford et al. 2019): learned positions, LayerNorm before each part, a feed-forward part four times as wide, and
/// biases everywhere. Its linear maps are stored the other way round, [in, out].
final class GPT2: Family {
    static let modelTypes = ["gpt2"]
    static let embeddingName = "transformer.wte.weight"

    private struct Layer {
        let attentionNorm, feedForwardNorm: Norm
        /// Onto queries, keys and values, each d wide.
        let queryKeyValue: Convolution
        let attention: Attention
        let output: Convolution
        let up, down: Convolution
    }

    /// x W + b
    private struct Convolution {
        /// [in, out]
        let weight: Tensor
        /// [out]
        let bias: Tensor
        let change: LowRank?

        init(_ parameters: ParameterTable, _ name: String) throws {
            weight = try parameters.tensor("\(name).weight")
            bias = try parameters.tensor("\(name).bias")
            change = parameters.change(name)
        }

        /// x [..., in] -> [..., out]
        func callAsFunction(_ x: Tensor) throws -> Tensor {
            let weight = try weight.transpose(0, 1)
            return try change?.linear(x, weight, bias) ?? x.linear(weight, bias)
        }

        /// As the fused decoder takes it, the map onto some of the outputs. Call without gradients.
        func fused(_ outputs: Range<Int>? = nil) throws -> FusedDecoder.Linear {
            let range = outputs ?? 0..<weight.size(1)
            let merged = try change?.merged(into: weight, transposed: true) ?? weight
            return FusedDecoder.Linear(
                try merged.slice(1, range).transpose(0, 1), try bias.slice(0, range).contiguous())
        }
    }

    private let configuration: ModelConfiguration
    /// [V, d]
    private let embedding: Tensor
    /// [positions, d]
    private let positions: Tensor
    private let layers: [Layer]
    private let finalNorm: Norm

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        let epsilon = configuration.normEpsilon
        self.configuration = configuration
        embedding = try parameters.tensor(Self.embeddingName)
        positions = try parameters.tensor("transformer.wpe.weight")
        finalNorm = try parameters.layerNorm("transformer.ln_f", epsilon: epsilon)
        layers = try (0..<configuration.layerCount).map { index in
            let prefix = "transformer.h.\(index)"
            return Layer(
                attentionNorm: try parameters.layerNorm("\(prefix).ln_1", epsilon: epsilon),
                feedForwardNorm: try parameters.layerNorm("\(prefix).ln_2", epsilon: epsilon),
                queryKeyValue: try Convolution(parameters, "\(prefix).attn.c_attn"),
                attention: Attention(layer: index, scale: configuration.attentionScale),
                output: try Convolution(parameters, "\(prefix).attn.c_proj"),
                up: try Convolution(parameters, "\(prefix).mlp.c_fc"),
                down: try Convolution(parameters, "\(prefix).mlp.c_proj"))
        }
    }

    func forward(_ input: ForwardInput) throws -> Tensor {
        let pass = ForwardPass(input)
        var x = try embedding.embedding(input.tokens) + positions.embedding(input.positions)
        for layer in layers {
            x = try pass.layer(x) { x in
                let x = try x + self.attended(layer.attentionNorm(x), layer, pass)
                return try x + layer.down(self.configuration.activation(layer.up(layer.feedForwardNorm(x))))
            }
        }
        pass.end()
        return try finalNorm(x)
    }

    /// x [B, T, d] -> [B, T, d]
    private func attended(_ x: Tensor, _ layer: Layer, _ pass: ForwardPass) throws -> Tensor {
        let (d, count, size) = (configuration.hiddenSize, configuration.headCount, configuration.headSize)
        let wide = try layer.queryKeyValue(x)
        func heads(_ part: Int) throws -> Tensor {
            try Attention.heads(wide.slice(-1, part * d..<(part + 1) * d), count, size)
        }
        return try layer.output(layer.attention(heads(0), heads(1), heads(2), turn: nil, pass))
    }

    func decoder(_ options: DecoderOptions) throws -> FusedDecoder {
        try noGrad {
            let d = configuration.hiddenSize
            var shape = FusedDecoder.Shape(configuration)
            shape.layerNorms = true
            let decoder = try FusedDecoder(
                shape, layerCount: layers.count,
                FusedDecoder.Tables(
                    embedding: options.table(embedding, configuration), positions: positions,
                    finalNorm: finalNorm.fused(), head: options.head),
                consuming: options.consuming, threads: options.threads)
            for layer in layers {
                try decoder.add(
                    FusedDecoder.Layer(
                        inputNorm: layer.attentionNorm.fused(), feedForwardNorm: layer.feedForwardNorm.fused(),
                        q: layer.queryKeyValue.fused(0..<d), k: layer.queryKeyValue.fused(d..<2 * d),
                        v: layer.queryKeyValue.fused(2 * d..<3 * d), o: layer.output.fused(), gate: nil,
                        up: layer.up.fused(), down: layer.down.fused()))
            }
            return decoder
        }
    }
}
