import Torch

/// Mistral 7B (Jiang et al. 2023) and its successors with the same config.json: Llama without biases, in which a token may
/// look at the last `sliding_window` tokens only.
final class Mistral: GatedFamily {
    static let modelTypes = ["mistral"]
    let trunk: GatedTrunk

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        trunk = try GatedTrunk(configuration, parameters) { try GatedBlock.llama($0, $1, $2) }
    }

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        var configuration = try reader.llamaLike(LlamaDefaults(keyValueHeadCount: 8, contextLength: 131_072))
        try reader.expect("attention_bias", false)
        try reader.expect("mlp_bias", false)
        let window = try reader.slidingWindow(default: 4096)
        configuration.windows = try reader.windows(layers: configuration.layerCount, window: window) { _ in true }
        return configuration
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values = configuration.llamaEntries("MistralForCausalLM")
        values["hidden_act"] = configuration.entry("hidden_act", .string(configuration.activation.name))
        values["sliding_window"] = configuration.windowEntry
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        GatedTrunk.tensors(configuration) { GatedBlock.addLlamaTensors(&$0, configuration, $1, biases: .init()) }
    }
}
