import Torch

/// Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on queries, keys and values, and windows in the upper layers
/// when `use_sliding_window` says so.
final class Qwen2: GatedFamily {
    static let modelTypes = ["qwen2"]
    let trunk: GatedTrunk

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        trunk = try GatedTrunk(configuration, parameters) { try GatedBlock.llama($0, $1, $2) }
    }

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        var configuration = try reader.llamaLike(
            LlamaDefaults(keyValueHeadCount: 32, rotary: RotaryKeys(byLayer: true)))
        try reader.expect("mlp_bias", false)
        configuration.windows = try windows(reader, layers: configuration.layerCount)
        return configuration
    }

    /// `layer_types`, or a window in the layers from `max_window_layers` on.
    static func windows(_ reader: ConfigurationReader, layers: Int) throws -> [Int?] {
        let uses = try reader.bool("use_sliding_window", default: false)
        let window = try uses ? reader.slidingWindow(default: 4096) : nil
        let first = try reader.integer("max_window_layers", default: 28, atLeast: 0)
        return try reader.windows(layers: layers, window: window) { $0 >= first }
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values = configuration.llamaEntries("Qwen2ForCausalLM")
        values["hidden_act"] = configuration.entry("hidden_act", .string(configuration.activation.name))
        values.merge(windowEntries(configuration)) { $1 }
        return values
    }

    static func windowEntries(_ configuration: ModelConfiguration) -> [String: JSON] {
        let window = configuration.windowEntry
        return [
            "use_sliding_window": .bool(window != .null),
            "sliding_window": configuration.entry("sliding_window", window),
            "layer_types": configuration.layerTypes,
        ]
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        GatedTrunk.tensors(configuration) {
            GatedBlock.addLlamaTensors(&$0, configuration, $1, biases: .init(queryKeyValue: true))
        }
    }
}
