/// GPT-2's config.json and names of tensors.
extension GPT2 {
    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        let hidden = try reader.integer("n_embd")
        let heads = try reader.integer("n_head")
        guard hidden % heads == 0 else {
            throw reader.bad("n_head", "is \(heads), which does not divide n_embd \(hidden)")
        }
        var configuration = try ModelConfiguration(
            vocabularySize: reader.integer("vocab_size"), hiddenSize: hidden,
            intermediateSize: reader.integer("n_inner", default: 4 * hidden), layerCount: reader.integer("n_layer"),
            headCount: heads, contextLength: reader.integer("n_positions", default: 1024))
        configuration.rotarySize = 0
        configuration.normEpsilon = try reader.number("layer_norm_epsilon", default: 1e-5)
        configuration.initializerRange = try reader.number("initializer_range", default: 0.02)
        configuration.tiedHead = try reader.bool("tie_word_embeddings", default: true)
        configuration.activation = try reader.activation(
            "activation_function", default: "gelu_new")
        if try !reader.bool("scale_attn_weights", default: true) { configuration.attentionScale = 1 }
        try reader.expect("scale_attn_by_inverse_layer_idx", false)
        // Only another order of the same product in fp32.
        _ = try reader.bool("reorder_and_upcast_attn", default: false)
        for key in ["rope_scaling", "rope_parameters"] where reader.has(key) {
            throw reader.bad(key, "is set, but this model_type has learned positions")
        }
        try reader.expectHeads(of: hidden / heads)
        try reader.refuseWindow(context: configuration.contextLength)
        try reader.readTokens(&configuration)
        return configuration
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values: [String: JSON] = [
            "architectures": .array([.string("GPT2LMHeadModel")]),
            "vocab_size": .integer(configuration.vocabularySize),
            "n_embd": .integer(configuration.hiddenSize),
            "n_inner": .integer(configuration.intermediateSize),
            "n_layer": .integer(configuration.layerCount),
            "n_head": .integer(configuration.headCount),
            "n_positions": .integer(configuration.contextLength),
            "layer_norm_epsilon": .number(configuration.normEpsilon),
            "initializer_range": .number(configuration.initializerRange),
            "tie_word_embeddings": .bool(configuration.tiedHead),
            "activation_function": configuration.entry("activation_function", .string(configuration.activation.name)),
            "scale_attn_weights": .bool(configuration.attentionScale == nil),
            "use_cache": .bool(true),
        ]
        values.merge(configuration.tokenEntries) { $1 }
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        var list = TensorList(configuration)
        let (d, f) = (configuration.hiddenSize, configuration.intermediateSize)
        list.table(embeddingName, configuration.vocabularySize, d)
        list.table("transformer.wpe.weight", configuration.contextLength, d)
        for index in 0..<configuration.layerCount {
            let prefix = "transformer.h.\(index)"
            list.layerNorm("\(prefix).ln_1", d)
            list.convolution("\(prefix).attn.c_attn", 3 * d, d)
            list.convolution("\(prefix).attn.c_proj", d, d)
            list.layerNorm("\(prefix).ln_2", d)
            list.convolution("\(prefix).mlp.c_fc", f, d)
            list.convolution("\(prefix).mlp.c_proj", d, f)
        }
        list.layerNorm("transformer.ln_f", d)
        return list.all
    }

    /// The first published files have no prefix.
    static func canonicalName(_ name: String) -> String {
        ["wte.", "wpe.", "h.", "ln_f."].contains { name.hasPrefix($0) } ? "transformer.\(name)" : name
    }

    /// Causal masks, which old files carry as buffers.
    static func isIgnored(_ name: String) -> Bool {
        name.hasPrefix("transformer.h.") && (name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias"))
    }
}
