import Torch

/// Llama 1 to 3 (Touvron et al. 2023) and what is published as such, TinyLlama and SmolLM among them: RMSNorm before each
/// part, rotary positions, SwiGLU, grouped-query attention.
final class Llama: GatedFamily {
    static let modelTypes = ["llama"]
    let trunk: GatedTrunk

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        trunk = try GatedTrunk(configuration, parameters) { try GatedBlock.llama($0, $1, $2) }
    }

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        var configuration = try reader.llamaLike(LlamaDefaults(contextLength: 2048))
        configuration.attentionBias = try reader.bool("attention_bias", default: false)
        configuration.feedForwardBias = try reader.bool("mlp_bias", default: false)
        try reader.refuseWindow(context: configuration.contextLength)
        return configuration
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values = configuration.llamaEntries("LlamaForCausalLM")
        values["attention_bias"] = .bool(configuration.attentionBias)
        values["mlp_bias"] = .bool(configuration.feedForwardBias)
        values["hidden_act"] = configuration.entry("hidden_act", .string(configuration.activation.name))
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        let (attention, feedForward) = (configuration.attentionBias, configuration.feedForwardBias)
        return GatedTrunk.tensors(configuration) {
            GatedBlock.addLlamaTensors(
                &$0, configuration, $1,
                biases: .init(queryKeyValue: attention, output: attention, feedForward: feedForward))
        }
    }
}
