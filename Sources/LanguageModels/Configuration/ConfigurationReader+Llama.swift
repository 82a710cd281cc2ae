/// config.json of the Llama-like families: the same keys with other values where they are absent.
struct LlamaDefaults {
    var vocabularySize: Int?
    var hiddenSize: Int?
    var intermediateSize: Int?
    var layerCount: Int?
    var headCount: Int?
    /// nil = as many as heads.
    var keyValueHeadCount: Int?
    /// nil = d / H
    var headSize: Int?
    var contextLength = 32_768
    var normEpsilon = 1e-6
    var rotary = RotaryKeys()
    var tiedHead = false
    var activationKey = "hidden_act"
    var activation = ModelConfiguration.Activation.silu
}

extension ConfigurationReader {
    /// Sizes, norms, rotary positions of whole heads, tokens. Biases and windows are the family's.
    func llamaLike(_ defaults: LlamaDefaults) throws -> ModelConfiguration {
        let hidden = try integer("hidden_size", default: defaults.hiddenSize)
        let heads = try integer("num_attention_heads", default: defaults.headCount)
        // Null means what absent meant once, also in families that have a number now.
        let shared = isNull("num_key_value_heads") ? heads : defaults.keyValueHeadCount ?? heads
        let size = isNull("head_dim") ? nil : defaults.headSize
        var configuration = try ModelConfiguration(
            vocabularySize: integer("vocab_size", default: defaults.vocabularySize), hiddenSize: hidden,
            intermediateSize: integer("intermediate_size", default: defaults.intermediateSize),
            layerCount: integer("num_hidden_layers", default: defaults.layerCount), headCount: heads,
            keyValueHeadCount: integer("num_key_value_heads", default: shared),
            headSize: integer("head_dim", default: size ?? hidden / heads),
            contextLength: integer("max_position_embeddings", default: defaults.contextLength))
        configuration.normEpsilon = try number("rms_norm_eps", default: defaults.normEpsilon)
        configuration.tiedHead = try bool("tie_word_embeddings", default: defaults.tiedHead)
        configuration.initializerRange = try number("initializer_range", default: 0.02)
        configuration.activation = try activation(
            defaults.activationKey, default: defaults.activation.name)
        try readTokens(&configuration)
        try readRotary(&configuration, defaults.rotary)
        return configuration
    }
}

extension ModelConfiguration {
    /// The entries that the Llama-like families have in common.
    func llamaEntries(_ architecture: String, rotary: RotaryKeys = RotaryKeys()) -> [String: JSON] {
        var values: [String: JSON] = [
            "architectures": .array([.string(architecture)]),
            "vocab_size": .integer(vocabularySize),
            "hidden_size": .integer(hiddenSize),
            "intermediate_size": .integer(intermediateSize),
            "num_hidden_layers": .integer(layerCount),
            "num_attention_heads": .integer(headCount),
            "num_key_value_heads": .integer(keyValueHeadCount),
            "head_dim": .integer(headSize),
            "max_position_embeddings": maximumPositions,
            "rms_norm_eps": .number(normEpsilon),
            "tie_word_embeddings": .bool(tiedHead),
            "initializer_range": .number(initializerRange),
            "use_cache": .bool(true),
        ]
        values.merge(tokenEntries) { $1 }
        values.merge(rotaryEntries(rotary)) { $1 }
        return values
    }

    var tokenEntries: [String: JSON] {
        let ends = endTokens.map { JSON.integer(Int($0)) }
        return [
            "bos_token_id": entry("bos_token_id", beginToken.map { .integer(Int($0)) } ?? .null),
            "pad_token_id": entry("pad_token_id", padToken.map { .integer(Int($0)) } ?? .null),
            "eos_token_id": entry("eos_token_id", ends.count > 1 ? .array(ends) : ends.first ?? .null),
        ]
    }

    /// The entry as it was read, or `value`: for what has several spellings.
    func entry(_ key: String, _ value: JSON) -> JSON { original[key] ?? value }

    /// Windows by layer, as `layer_types`.
    var layerTypes: JSON {
        .array((0..<layerCount).map { .string(window($0) == nil ? "full_attention" : "sliding_attention") })
    }

    /// `sliding_window`, the same for all layers that have one.
    var windowEntry: JSON { windows.compactMap { $0 }.first.map { .integer($0) } ?? .null }
}
