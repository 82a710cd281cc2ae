/// GPT-NeoX's config.json and names of tensors.
extension GPTNeoX {
    private static let rotaryKeys = RotaryKeys(theta: "rotary_emb_base", fraction: (key: "rotary_pct", fallback: 0.25))

    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        let hidden = try reader.integer("hidden_size")
        let heads = try reader.integer("num_attention_heads")
        guard hidden % heads == 0 else {
            throw reader.bad("num_attention_heads", "is \(heads), which does not divide hidden_size \(hidden)")
        }
        var configuration = try ModelConfiguration(
            vocabularySize: reader.integer("vocab_size"), hiddenSize: hidden,
            intermediateSize: reader.integer("intermediate_size"), layerCount: reader.integer("num_hidden_layers"),
            headCount: heads, contextLength: reader.integer("max_position_embeddings", default: 2048))
        configuration.normEpsilon = try reader.number("layer_norm_eps", default: 1e-5)
        configuration.initializerRange = try reader.number("initializer_range", default: 0.02)
        configuration.tiedHead = try reader.bool("tie_word_embeddings", default: false)
        configuration.attentionBias = try reader.bool("attention_bias", default: true)
        configuration.parallelResidual = try reader.bool("use_parallel_residual", default: true)
        configuration.activation = try reader.activation(
            "hidden_act", default: "gelu")
        try reader.expectHeads(of: hidden / heads)
        try reader.readRotary(&configuration, rotaryKeys)
        try refuseContradictions(reader, configuration)
        try reader.refuseWindow(context: configuration.contextLength)
        try reader.readTokens(&configuration)
        return configuration
    }

    /// transformers 4 writes two entries a second time under the names of other families, but reads the first.
    private static func refuseContradictions(
        _ reader: ConfigurationReader, _ configuration: ModelConfiguration
    ) throws {
        for (key, own, value) in [
            ("partial_rotary_factor", "rotary_pct", configuration.rotaryFraction ?? 0.25),
            ("rope_theta", "rotary_emb_base", configuration.rotary.theta),
        ] {
            guard try reader.number(key, default: value) == value else {
                throw reader.bad(key, "differs from '\(own)', which is what counts for this model_type")
            }
        }
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values: [String: JSON] = [
            "architectures": .array([.string("GPTNeoXForCausalLM")]),
            "vocab_size": .integer(configuration.vocabularySize),
            "hidden_size": .integer(configuration.hiddenSize),
            "intermediate_size": .integer(configuration.intermediateSize),
            "num_hidden_layers": .integer(configuration.layerCount),
            "num_attention_heads": .integer(configuration.headCount),
            "max_position_embeddings": configuration.maximumPositions,
            "layer_norm_eps": .number(configuration.normEpsilon),
            "initializer_range": .number(configuration.initializerRange),
            "tie_word_embeddings": .bool(configuration.tiedHead),
            "attention_bias": .bool(configuration.attentionBias),
            "use_parallel_residual": .bool(configuration.parallelResidual),
            "hidden_act": configuration.entry("hidden_act", .string(configuration.activation.name)),
            "use_cache": .bool(true),
        ]
        values.merge(configuration.tokenEntries) { $1 }
        values.merge(configuration.rotaryEntries(rotaryKeys)) { $1 }
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        var list = TensorList(configuration)
        let (d, f, bias) = (configuration.hiddenSize, configuration.intermediateSize, configuration.attentionBias)
        list.table(embeddingName, configuration.vocabularySize, d)
        for index in 0..<configuration.layerCount {
            let prefix = "gpt_neox.layers.\(index)"
            list.layerNorm("\(prefix).input_layernorm", d)
            list.layerNorm("\(prefix).post_attention_layernorm", d)
            list.linear("\(prefix).attention.query_key_value", 3 * d, d, bias: bias)
            list.linear("\(prefix).attention.dense", d, d, bias: bias)
            list.linear("\(prefix).mlp.dense_h_to_4h", f, d, bias: true)
            list.linear("\(prefix).mlp.dense_4h_to_h", d, f, bias: true)
        }
        list.layerNorm("gpt_neox.final_layer_norm", d)
        return list.all
    }

    /// A model saved without its head has no prefix; in memory transformers 5 calls the head as other families do.
    static func canonicalName(_ name: String) -> String {
        if name.hasPrefix("lm_head.") { return "embed_out." + name.dropFirst("lm_head.".count) }
        return ["embed_in.", "layers.", "final_layer_norm."].contains { name.hasPrefix($0) } ? "gpt_neox.\(name)" : name
    }

    /// Causal masks and rotary frequencies, which old files carry as buffers.
    static func isIgnored(_ name: String) -> Bool {
        [".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq"].contains { name.hasSuffix($0) }
    }
}
