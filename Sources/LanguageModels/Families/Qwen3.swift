import Torch

/// Qwen3 (Yang et al. 2025), the dense models: Llama with an RMSNorm over each query and key head, and Qwen2's windows.
final class Qwen3: GatedFamily {
    static let modelTypes = ["qwen3"]
    let trunk: GatedTrunk

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        trunk = try GatedTrunk(configuration, parameters) { try GatedBlock.llama($0, $1, $2, queryKeyNorm: true) }
    }

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        var configuration = try reader.llamaLike(
            LlamaDefaults(keyValueHeadCount: 32, headSize: 128, rotary: RotaryKeys(byLayer: true)))
        configuration.attentionBias = try reader.bool("attention_bias", default: false)
        try reader.expect("mlp_bias", false)
        configuration.windows = try Qwen2.windows(reader, layers: configuration.layerCount)
        return configuration
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values = configuration.llamaEntries("Qwen3ForCausalLM")
        values["attention_bias"] = .bool(configuration.attentionBias)
        values["hidden_act"] = configuration.entry("hidden_act", .string(configuration.activation.name))
        values.merge(Qwen2.windowEntries(configuration)) { $1 }
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        let bias = configuration.attentionBias
        return GatedTrunk.tensors(configuration) {
            GatedBlock.addLlamaTensors(
                &$0, configuration, $1, biases: .init(queryKeyValue: bias, output: bias), queryKeyNorm: true)
        }
    }
}
