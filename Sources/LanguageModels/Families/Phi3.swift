import Torch

/// Phi-3 (Abdin et al. 2024): Llama with queries, keys and values in one projection, gate and up in another, and
/// perhaps a window and rotation of a part of each head.
final class Phi3: GatedFamily {
    static let modelTypes = ["phi3"]
    let trunk: GatedTrunk

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        trunk = try GatedTrunk(configuration, parameters) { try Self.block($0, $1, $2) }
    }

    /// Its only kind of scaling has had three names.
    private static let rotaryKeys = RotaryKeys(
        fraction: (key: "partial_rotary_factor", fallback: 1), kinds: ["default", "longrope"],
        formerKinds: ["su": "longrope", "yarn": "longrope"])

    private static func block(
        _ configuration: ModelConfiguration, _ parameters: ParameterTable, _ index: Int
    ) throws -> GatedBlock {
        let (prefix, epsilon) = ("model.layers.\(index)", configuration.normEpsilon)
        return GatedBlock(
            inputNorm: try parameters.rms("\(prefix).input_layernorm", epsilon: epsilon),
            queryKeyValue: .fused(try parameters.projection("\(prefix).self_attn.qkv_proj")),
            attention: Attention(layer: index, window: configuration.window(index)),
            output: try parameters.projection("\(prefix).self_attn.o_proj"),
            feedForwardNorm: try parameters.rms("\(prefix).post_attention_layernorm", epsilon: epsilon),
            feedForward: GatedFeedForward(
                input: .fused(try parameters.projection("\(prefix).mlp.gate_up_proj")),
                down: try parameters.projection("\(prefix).mlp.down_proj"), activation: configuration.activation))
    }

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        // Longrope needs the entry, which the class has in every file that it writes.
        var values = reader.values
        if !reader.has("original_max_position_embeddings") {
            values["original_max_position_embeddings"] = .integer(4096)
        }
        var configuration = try ConfigurationReader(values: values, source: reader.source).llamaLike(
            LlamaDefaults(contextLength: 4096, normEpsilon: 1e-5, rotary: rotaryKeys))
        try reader.expect("attention_bias", false)
        try reader.expect("mlp_bias", false)
        let window = try reader.slidingWindow(default: nil)
        try reader.refuseMixedLayers(window: window)
        configuration.windows = try reader.windows(layers: configuration.layerCount, window: window) { _ in true }
        return configuration
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values = configuration.llamaEntries("Phi3ForCausalLM", rotary: rotaryKeys)
        values["hidden_act"] = configuration.entry("hidden_act", .string(configuration.activation.name))
        values["sliding_window"] = configuration.windowEntry
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        let (d, f) = (configuration.hiddenSize, configuration.intermediateSize)
        let (queries, keys) = (configuration.queryWidth, configuration.keyWidth)
        return GatedTrunk.tensors(configuration) { list, index in
            let prefix = "model.layers.\(index)"
            list.linear("\(prefix).self_attn.qkv_proj", queries + 2 * keys, d, bias: false)
            list.linear("\(prefix).self_attn.o_proj", d, queries, bias: false)
            list.linear("\(prefix).mlp.gate_up_proj", 2 * f, d, bias: false)
            list.linear("\(prefix).mlp.down_proj", d, f, bias: false)
            list.rms("\(prefix).input_layernorm", d)
            list.rms("\(prefix).post_attention_layernorm", d)
        }
    }
}
