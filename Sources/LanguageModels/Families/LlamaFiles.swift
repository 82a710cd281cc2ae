/// Llama's config.json and names of tensors.
extension Llama {
    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration {
        let hidden = try reader.integer("hidden_size")
        let heads = try reader.integer("num_attention_heads")
        let vocabulary = try reader.integer("vocab_size")
        var configuration = try ModelConfiguration(
            vocabularySize: vocabulary, hiddenSize: hidden,
            intermediateSize: reader.integer("intermediate_size"), layerCount: reader.integer("num_hidden_layers"),
            headCount: heads, keyValueHeadCount: reader.integer("num_key_value_heads", default: heads),
            headSize: reader.integer("head_dim", default: hidden / heads),
            contextLength: reader.integer("max_position_embeddings", default: 2048))
        configuration.normEpsilon = try reader.number("rms_norm_eps", default: 1e-6)
        configuration.tiedHead = try reader.bool("tie_word_embeddings", default: false)
        configuration.attentionBias = try reader.bool("attention_bias", default: false)
        configuration.feedForwardBias = try reader.bool("mlp_bias", default: false)
        configuration.initializerRange = try reader.number("initializer_range", default: 0.02)
        configuration.beginToken = try reader.tokenIDs("bos_token_id", vocabulary: vocabulary).first
        configuration.endTokens = try reader.tokenIDs("eos_token_id", vocabulary: vocabulary)
        configuration.padToken = try reader.tokenIDs("pad_token_id", vocabulary: vocabulary).first
        try readRotary(reader, &configuration)
        let activation = try reader.string("hidden_act", default: "silu")
        guard activation == "silu" || activation == "swish" else {
            throw reader.bad("hidden_act", "is '\(activation)'; the Llama family is implemented with silu only")
        }
        if reader.has("quantization_config") {
            throw reader.bad("quantization_config", "is set; quantized weights cannot be loaded, save them unquantized")
        }
        return configuration
    }

    /// `rope_theta` and `rope_scaling`, or the newer `rope_parameters` that holds both.
    private static func readRotary(_ reader: ConfigurationReader, _ configuration: inout ModelConfiguration) throws {
        let newer = try reader.object("rope_parameters")
        let theta = try reader.number("rope_theta", default: 10_000)
        configuration.ropeTheta = try newer?.number("rope_theta", default: theta) ?? theta
        if try reader.number("partial_rotary_factor", default: 1) != 1 {
            throw reader.bad("partial_rotary_factor", "is not 1, which is not implemented")
        }
        guard let scaling = try newer ?? reader.object("rope_scaling") else { return }
        let kind = try scaling.string("rope_type", default: scaling.string("type", default: "default"))
        switch kind {
        case "default": break
        case "linear":
            configuration.ropeScaling = .linear(factor: try positive(scaling, "factor"))
        case "llama3":
            let low = try positive(scaling, "low_freq_factor")
            let high = try positive(scaling, "high_freq_factor")
            guard high > low else { throw scaling.bad("high_freq_factor", "must be above low_freq_factor") }
            configuration.ropeScaling = .llama3(
                factor: try positive(scaling, "factor"), lowFrequency: low, highFrequency: high,
                originalContext: try scaling.integer("original_max_position_embeddings"))
        default: throw scaling.bad("rope_type", "is '\(kind)'; implemented are default, linear and llama3")
        }
    }

    private static func positive(_ reader: ConfigurationReader, _ key: String) throws -> Double {
        let value = try reader.number(key)
        guard value > 0, value.isFinite else { throw reader.bad(key, "must be above 0") }
        return value
    }

    static func export(_ configuration: ModelConfiguration) -> [String: JSON] {
        var values: [String: JSON] = [
            "architectures": .array([.string("LlamaForCausalLM")]),
            "vocab_size": .integer(configuration.vocabularySize),
            "hidden_size": .integer(configuration.hiddenSize),
            "intermediate_size": .integer(configuration.intermediateSize),
            "num_hidden_layers": .integer(configuration.layerCount),
            "num_attention_heads": .integer(configuration.headCount),
            "num_key_value_heads": .integer(configuration.keyValueHeadCount),
            "head_dim": .integer(configuration.headSize),
            "max_position_embeddings": .integer(configuration.contextLength),
            "rms_norm_eps": .number(configuration.normEpsilon),
            "tie_word_embeddings": .bool(configuration.tiedHead),
            "attention_bias": .bool(configuration.attentionBias),
            "mlp_bias": .bool(configuration.feedForwardBias),
            "initializer_range": .number(configuration.initializerRange),
            "hidden_act": .string("silu"),
            "use_cache": .bool(true),
            "bos_token_id": configuration.beginToken.map { .integer(Int($0)) } ?? .null,
            "pad_token_id": configuration.padToken.map { .integer(Int($0)) } ?? .null,
        ]
        switch configuration.endTokens.count {
        case 0: values["eos_token_id"] = .null
        case 1: values["eos_token_id"] = .integer(Int(configuration.endTokens[0]))
        default: values["eos_token_id"] = .array(configuration.endTokens.map { .integer(Int($0)) })
        }
        // What was read in the newer spelling is kept as it was.
        if configuration.original["rope_parameters"] == nil {
            values["rope_theta"] = .number(configuration.ropeTheta)
        }
        return values
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        let normal = TensorSpecification.Initial.normal(deviation: configuration.initializerRange)
        let (d, f) = (configuration.hiddenSize, configuration.intermediateSize)
        let queries = configuration.headCount * configuration.headSize
        let keys = configuration.keyValueHeadCount * configuration.headSize
        var all = [TensorSpecification(embeddingName, [configuration.vocabularySize, d], normal)]
        for index in 0..<configuration.layerCount {
            let prefix = "model.layers.\(index)"
            func linear(_ name: String, _ output: Int, _ input: Int, bias: Bool) {
                all.append(TensorSpecification("\(prefix).\(name).weight", [output, input], normal))
                if bias { all.append(TensorSpecification("\(prefix).\(name).bias", [output], .zeros)) }
            }
            linear("self_attn.q_proj", queries, d, bias: configuration.attentionBias)
            linear("self_attn.k_proj", keys, d, bias: configuration.attentionBias)
            linear("self_attn.v_proj", keys, d, bias: configuration.attentionBias)
            linear("self_attn.o_proj", d, queries, bias: configuration.attentionBias)
            linear("mlp.gate_proj", f, d, bias: configuration.feedForwardBias)
            linear("mlp.up_proj", f, d, bias: configuration.feedForwardBias)
            linear("mlp.down_proj", d, f, bias: configuration.feedForwardBias)
            all.append(TensorSpecification("\(prefix).input_layernorm.weight", [d], .ones))
            all.append(TensorSpecification("\(prefix).post_attention_layernorm.weight", [d], .ones))
        }
        all.append(TensorSpecification("model.norm.weight", [d], .ones))
        return all
    }

    /// Old files carry the rotary frequencies, which follow from config.json.
    static func isIgnored(_ name: String) -> Bool { name.hasSuffix(".rotary_emb.inv_freq") }
}
