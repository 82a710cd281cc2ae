/// Gemma 3's config.json and the names of its files.
extension Gemma3 {
    private static let rotaryKeys = RotaryKeys(
        defaultTheta: 1_000_000, localTheta: (key: "rope_local_base_freq", fallback: 10_000))

    /// `text_config` of a model that also sees, with the tokens that stand beside it.
    static func languagePart(_ file: ConfigurationReader) throws -> ConfigurationReader {
        guard try file.string("model_type") == "gemma3" else { return file }
        guard let text = try file.object("text_config") else { throw file.bad("text_config", "is missing") }
        var values = text.values
        for key in ["bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings", "quantization_config"] {
            if let value = file.values[key] { values[key] = value }
        }
        values["model_type"] = .string("gemma3_text")
        return ConfigurationReader(values: values, source: text.source)
    }

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        // What an entry means when it is absent: in published files of models that also see, most are.
        var configuration = try reader.llamaLike(
            LlamaDefaults(
                vocabularySize: 262_208, hiddenSize: 2304, intermediateSize: 9216, layerCount: 26, headCount: 8,
                keyValueHeadCount: 4, headSize: 256, contextLength: 131_072, rotary: rotaryKeys, tiedHead: true,
                activationKey: "hidden_activation", activation: .geluTanh))
        if reader.has("hidden_act") {
            // Read by older models of that name alone.
            guard try reader.activation("hidden_act", default: "") == configuration.activation else {
                throw reader.bad(
                    "hidden_act", "differs from 'hidden_activation', which is what counts for this model_type")
            }
        }
        configuration.attentionBias = try reader.bool("attention_bias", default: false)
        try reader.expect("mlp_bias", false)
        configuration.attentionScale = 1 / (try reader.positive("query_pre_attn_scalar", default: 256)).squareRoot()
        // Every sixth layer sees everything, unless the file says otherwise in one of two ways.
        let pattern = try reader.integer("sliding_window_pattern", default: 6)
        let window = try reader.slidingWindow(default: 4096)
        if window == nil, !reader.has("layer_types"), pattern > 1 {
            throw reader.bad("sliding_window", "is null, but some layers have a window")
        }
        configuration.windows = try reader.windows(layers: configuration.layerCount, window: window) {
            ($0 + 1) % pattern != 0
        }
        return configuration
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values = configuration.llamaEntries("Gemma3ForCausalLM", rotary: rotaryKeys)
        values["attention_bias"] = .bool(configuration.attentionBias)
        values["hidden_activation"] = configuration.entry("hidden_activation", .string(configuration.activation.name))
        let scale = configuration.attentionScale ?? 0.0625
        // Transformers 5 takes integers only.
        values["query_pre_attn_scalar"] = configuration.entry(
            "query_pre_attn_scalar", .integer(Int(exactly: (1 / (scale * scale)).rounded()) ?? 256))
        values["layer_types"] = configuration.layerTypes
        let window = configuration.windowEntry
        values["sliding_window"] = window == .null ? configuration.entry("sliding_window", .integer(4096)) : window
        return values
    }

    /// The language model of a model that also sees has prefixes, of which there have been three.
    static func canonicalName(_ name: String) -> String {
        for (prefix, canonical) in [
            ("model.language_model.", "model."), ("language_model.model.", "model."),
            ("language_model.lm_head.", "lm_head."), ("language_model.", "model."),
        ] where name.hasPrefix(prefix) {
            return canonical + name.dropFirst(prefix.count)
        }
        return ["embed_tokens.", "layers.", "norm.", "rotary_emb."].contains { name.hasPrefix($0) }
            ? "model.\(name)" : name
    }

    static func isIgnored(_ name: String) -> Bool {
        ["vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."]
            .contains { name.hasPrefix($0) }
    }
}
