import Torch

/// Llama (Touvron et al. 2023): RMSNorm before each part, rotary positions, SwiGLU, grouped-query attention.
///
/// The plain, readable form; fused forms are compared with it in tests.
final class Llama: Family {
    static let modelTypes = ["llama"]
    static let embeddingName = "model.embed_tokens.weight"

    private struct Layer {
        let inputNorm, postNorm: Tensor
        let q, k, v, o: Tensor
        let qBias, kBias, vBias, oBias: Tensor?
        let gate, up, down: Tensor
        let gateBias, upBias, downBias: Tensor?
    }

    private let configuration: ModelConfiguration
    private let embedding: Tensor
    private let finalNorm: Tensor
    private let layers: [Layer]
    private let rotary: RotaryEmbedding

    init(_ configuration: ModelConfiguration, _ parameters: [String: Tensor]) throws {
        func tensor(_ name: String) throws -> Tensor {
            guard let tensor = parameters[name] else {
                throw LanguageModelError(.weights, "the model has no tensor '\(name)'")
            }
            return tensor
        }
        self.configuration = configuration
        embedding = try tensor(Self.embeddingName)
        finalNorm = try tensor("model.norm.weight")
        layers = try (0..<configuration.layerCount).map { index in
            let prefix = "model.layers.\(index)"
            return Layer(
                inputNorm: try tensor("\(prefix).input_layernorm.weight"),
                postNorm: try tensor("\(prefix).post_attention_layernorm.weight"),
                q: try tensor("\(prefix).self_attn.q_proj.weight"),
                k: try tensor("\(prefix).self_attn.k_proj.weight"),
                v: try tensor("\(prefix).self_attn.v_proj.weight"),
                o: try tensor("\(prefix).self_attn.o_proj.weight"),
                qBias: parameters["\(prefix).self_attn.q_proj.bias"],
                kBias: parameters["\(prefix).self_attn.k_proj.bias"],
                vBias: parameters["\(prefix).self_attn.v_proj.bias"],
                oBias: parameters["\(prefix).self_attn.o_proj.bias"],
                gate: try tensor("\(prefix).mlp.gate_proj.weight"),
                up: try tensor("\(prefix).mlp.up_proj.weight"),
                down: try tensor("\(prefix).mlp.down_proj.weight"),
                gateBias: parameters["\(prefix).mlp.gate_proj.bias"],
                upBias: parameters["\(prefix).mlp.up_proj.bias"],
                downBias: parameters["\(prefix).mlp.down_proj.bias"])
        }
        rotary = RotaryEmbedding(configuration)
    }

    func forward(_ input: ForwardInput) throws -> Tensor {
        let past = input.cache?.length ?? 0
        let (cos, sin) = try rotary.angles(input.positions, below: past + input.tokens.size(1))
        let dtype = try embedding.dtype
        let turn = (try cos.to(dtype: dtype), try sin.to(dtype: dtype))
        var x = try embedding.embedding(input.tokens)
        for (index, layer) in layers.enumerated() {
            let normed = try x.rmsNorm(layer.inputNorm, epsilon: configuration.normEpsilon)
            x = try x + attention(normed, layer, index, turn, input)
            let again = try x.rmsNorm(layer.postNorm, epsilon: configuration.normEpsilon)
            x = try x + feedForward(again, layer)
        }
        input.cache?.advance(by: input.tokens.size(1))
        return try x.rmsNorm(finalNorm, epsilon: configuration.normEpsilon)
    }

    func decoder(head: Tensor) throws -> FusedDecoder? {
        let (cos, sin) = try rotary.tables(configuration.contextLength, device: .cpu)
        return try FusedDecoder(
            FusedDecoder.Shape(
                hiddenSize: configuration.hiddenSize, intermediateSize: configuration.intermediateSize,
                headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
                headSize: configuration.headSize, vocabularySize: configuration.vocabularySize,
                normEpsilon: configuration.normEpsilon),
            layers: layers.map {
                FusedDecoder.Layer(
                    inputNorm: $0.inputNorm, postNorm: $0.postNorm, q: .init($0.q, $0.qBias), k: .init($0.k, $0.kBias),
                    v: .init($0.v, $0.vBias), o: .init($0.o, $0.oBias), gate: .init($0.gate, $0.gateBias),
                    up: .init($0.up, $0.upBias), down: .init($0.down, $0.downBias))
            }, embedding: embedding, finalNorm: finalNorm, head: head, cos: cos, sin: sin)
    }

    /// x [B, T, d] -> [B, T, d]
    private func attention(
        _ x: Tensor, _ layer: Layer, _ index: Int, _ turn: (cos: Tensor, sin: Tensor), _ input: ForwardInput
    ) throws -> Tensor {
        let (rows, width, size) = (x.size(0), x.size(1), configuration.headSize)
        func heads(_ weight: Tensor, _ bias: Tensor?, _ count: Int) throws -> Tensor {
            try x.linear(weight, bias).reshape([rows, width, count, size]).transpose(1, 2)
        }
        let q = try RotaryEmbedding.rotate(
            heads(layer.q, layer.qBias, configuration.headCount), turn.cos, turn.sin)
        var k = try RotaryEmbedding.rotate(
            heads(layer.k, layer.kBias, configuration.keyValueHeadCount), turn.cos, turn.sin)
        var v = try heads(layer.v, layer.vBias, configuration.keyValueHeadCount)
        if let cache = input.cache { (k, v) = try cache.append(k, v, layer: index) }
        let mixed = try q.attention(k, v, mask: input.mask, causal: input.causal)
        return try mixed.transpose(1, 2).reshape([rows, width, configuration.headCount * size])
            .linear(layer.o, layer.oBias)
    }

    /// x [B, T, d] -> [B, T, d]
    private func feedForward(_ x: Tensor, _ layer: Layer) throws -> Tensor {
        let gate = try x.linear(layer.gate, layer.gateBias).silu()
        return try (gate * x.linear(layer.up, layer.upBias)).linear(layer.down, layer.downBias)
    }
}
