/// Options of config.json that several families share, and those that none here has.
extension ConfigurationReader {
    /// Options of other models, of remote code and of newer releases that change the arithmetic, each with the values
    /// that change nothing. A model that needs one of them must not be loaded as if it did not.
    private static let foreign: [(key: String, harmless: [JSON])] = [
        ("add_cross_attention", [.bool(false)]),
        ("alibi", [.bool(false)]),
        ("attention_chunk_size", []),
        ("attention_multiplier", []),
        ("attention_sink_size", [.integer(0)]),
        ("attn_logit_softcapping", []),
        ("clip_qkv", []),
        ("embedding_multiplier", [.integer(1), .number(1)]),
        ("final_logit_softcapping", []),
        ("is_causal", [.bool(true)]),
        ("is_encoder_decoder", [.bool(false)]),
        ("logit_scale", [.integer(1), .number(1)]),
        ("logits_scaling", [.integer(1), .number(1)]),
        ("logit_softcapping", []),
        ("multi_query", [.bool(false)]),
        ("no_rope_layers", [.array([])]),
        ("num_experts", [.integer(0)]),
        ("num_kv_shared_layers", [.integer(0)]),
        ("num_local_experts", [.integer(0)]),
        ("per_layer_config", [.object([:])]),
        ("pruned_heads", [.object([:])]),
        ("qk_layernorm", [.bool(false)]),
        ("residual_multiplier", [.integer(1), .number(1)]),
        ("rope_interleaved", [.bool(false)]),
        ("use_bidirectional_attention", [.bool(false)]),
        ("use_mrope", [.bool(false)]),
    ]

    /// - Throws: an error that names the first option that no family here implements.
    func refuseForeignOptions() throws {
        if has("quantization_config") {
            throw bad("quantization_config", "is set; quantized weights cannot be loaded, save them unquantized")
        }
        for (key, harmless) in Self.foreign where has(key) {
            if let value = values[key], !harmless.contains(value) { throw bad(key, "is set, which is not implemented") }
        }
    }

    /// - Throws: when `key` is there and has another value than the one that the family is built for.
    func expect(_ key: String, _ wanted: Bool) throws {
        guard try bool(key, default: wanted) != wanted else { return }
        throw bad(key, "is \(!wanted), which is not implemented for this model_type")
    }

    /// - Throws: when heads would have another size than the family's, which follows from two other entries.
    func expectHeads(of size: Int) throws {
        guard try integer("head_dim", default: size) == size else {
            throw bad("head_dim", "is not \(size), which is not implemented for this model_type")
        }
    }

    /// The nonlinear function.
    func activation(_ key: String, default fallback: String) throws -> ModelConfiguration.Activation {
        let name = try string(key, default: fallback)
        guard let activation = ModelConfiguration.Activation(name: name) else {
            let names = ModelConfiguration.Activation.allCases.map(\.name).joined(separator: ", ")
            throw bad(key, "is '\(name)', which is not implemented; implemented are \(names)")
        }
        return activation
    }

    /// Which tokens begin, end and pad a text. They may lie beyond the vocabulary, since not every model needs them.
    func readTokens(_ configuration: inout ModelConfiguration) throws {
        configuration.beginToken = try tokenIDs("bos_token_id").first
        configuration.endTokens = try tokenIDs("eos_token_id")
        configuration.padToken = try tokenIDs("pad_token_id").first
    }

    /// `sliding_window`: null = none, absent = the family's.
    func slidingWindow(default fallback: Int?) throws -> Int? {
        if isNull("sliding_window") { return nil }
        return has("sliding_window") ? try integer("sliding_window") : fallback
    }

    /// The window of each layer, from `layer_types` or from what the family says of layer i.
    func windows(layers: Int, window: Int?, slides: (Int) -> Bool) throws -> [Int?] {
        guard layers <= ModelConfiguration.mostLayers else {
            throw bad("num_hidden_layers", "is \(layers), which is out of range")
        }
        guard let types = try strings("layer_types") else {
            return (0..<layers).map { slides($0) ? window : nil }
        }
        guard types.count == layers else {
            throw bad("layer_types", "names \(types.count) layers, but there are \(layers)")
        }
        return try types.map { type in
            switch type {
            case "full_attention": return nil
            case "sliding_attention":
                guard let window else {
                    throw bad("layer_types", "names sliding_attention, but 'sliding_window' is missing")
                }
                return window
            default: throw bad("layer_types", "names '\(type)', which is not implemented")
            }
        }
    }

    /// - Throws: when `layer_types` asks for something else than the same window, or none, in every layer; transformers
    ///   does not look at the entry in such families.
    func refuseMixedLayers(window: Int?) throws {
        let only = window == nil ? "full_attention" : "sliding_attention"
        for type in try strings("layer_types") ?? [] where type != only {
            throw bad("layer_types", "names '\(type)', but every layer of this model_type has \(only)")
        }
    }

    /// - Throws: when attention would be limited to a window, in families that have none.
    func refuseWindow(context: Int) throws {
        if let window = try slidingWindow(default: nil), window < context {
            throw bad("sliding_window", "is \(window), which is not implemented for this model_type")
        }
        for type in try strings("layer_types") ?? [] where type != "full_attention" {
            throw bad("layer_types", "names '\(type)', which is not implemented for this model_type")
        }
    }
}
