package import Foundation

/// Size and arithmetic of a model, as config.json states them.
package struct ModelConfiguration: Sendable, Hashable {
    /// The nonlinear function of the feed-forward part.
    package enum Activation: Sendable, Hashable, CaseIterable {
        case silu, gelu, geluTanh, relu

        /// From a name in config.json; nil when there is no such function here.
        init?(name: String) {
            switch name {
            case "silu", "swish": self = .silu
            case "gelu", "gelu_python": self = .gelu
            case "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate": self = .geluTanh
            case "relu": self = .relu
            default: return nil
            }
        }

        var name: String {
            switch self {
            case .silu: "silu"
            case .gelu: "gelu"
            case .geluTanh: "gelu_pytorch_tanh"
            case .relu: "relu"
            }
        }
    }

    package var modelType = "llama"
    package var vocabularySize: Int
    /// d
    package var hiddenSize: Int
    package var intermediateSize: Int
    package var layerCount: Int
    /// H
    package var headCount: Int
    /// K, divides H
    package var keyValueHeadCount: Int
    /// D
    package var headSize: Int
    /// Longest sequence, prompt and answer together: `max_position_embeddings`, but with yarn the factor times the
    /// original context, as vLLM has it, and with longrope the original context.
    package var contextLength: Int
    package var normEpsilon = 1e-5
    /// Of every layer; with ``localRotary`` only of those without a window.
    package var rotary = Rotary()
    /// Elements of a head that are turned, from the first; 0 in families with learned positions.
    package var rotarySize: Int
    /// The fraction of a head that `rotarySize` was rounded down from; nil = the two sizes say it.
    var rotaryFraction: Double?
    /// Of the layers with a window, where it is another one.
    package var localRotary: Rotary?
    /// Of each layer, how many tokens a token looks at, itself among them; nil = all. Empty = all in every layer.
    package var windows: [Int?] = []
    /// What scores are multiplied by before the softmax; nil = 1 / sqrt(D).
    package var attentionScale: Double?
    package var activation = Activation.silu
    /// GPT-NeoX: attention and feed-forward part read the same x.
    package var parallelResidual = false
    /// Whether the head is the embedding table.
    package var tiedHead = false
    package var attentionBias = false
    package var feedForwardBias = false
    /// Deviation of fresh weights.
    package var initializerRange = 0.02
    package var beginToken: Int32?
    package var endTokens: [Int32] = []
    package var padToken: Int32?
    /// All of config.json, so that an export keeps what Skein does not use.
    package var original: [String: JSON] = [:]
    /// What a person should know about config.json although it was read, each with the name of the file.
    package var warnings: [String] = []

    /// A fresh model of the Llama family.
    package init(
        vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
        keyValueHeadCount: Int? = nil, headSize: Int? = nil, contextLength: Int, tiedHead: Bool = false,
        beginToken: Int32? = nil, endTokens: [Int32] = [], padToken: Int32? = nil
    ) throws {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount ?? headCount
        let size = headSize ?? (headCount > 0 ? hiddenSize / headCount : 0)
        self.headSize = size
        rotarySize = size
        self.contextLength = contextLength
        self.tiedHead = tiedHead
        self.beginToken = beginToken
        self.endTokens = endTokens
        self.padToken = padToken
        try validate(source: "the model's configuration")
    }

    /// From the bytes of config.json.
    ///
    /// - Throws: when a key is missing or has a wrong type, when `model_type` is unknown, or when an option would change
    ///   the arithmetic in a way that is not implemented. The message names the key.
    package init(data: Data, source: String = "config.json") throws {
        let file = try ConfigurationReader(data: data, source: source)
        let type = try file.string("model_type")
        guard let family = Families.named(type) else {
            throw LanguageModelError(
                .configuration,
                "\(source): 'model_type' '\(type)' is not supported; supported are "
                    + Families.all.flatMap { $0.modelTypes }.joined(separator: ", "))
        }
        let reader = try family.languagePart(file)
        try reader.refuseForeignOptions()
        self = try family.configuration(reader)
        modelType = try reader.string("model_type")
        original = reader.values
        try validate(source: source)
        warnings = tokensBeyondVocabulary.map { key, token in
            "\(source): '\(key)' names token \(token), but the vocabulary has \(vocabularySize) entries; "
                + "a text that holds it is refused"
        }
    }

    /// H * D
    var queryWidth: Int { headCount * headSize }
    /// K * D
    var keyWidth: Int { keyValueHeadCount * headSize }

    /// Of layer `index`; nil = it looks at everything before a token.
    func window(_ index: Int) -> Int? { windows.indices.contains(index) ? windows[index] : nil }

    static let mostLayers = 4096

    private func validate(source: String) throws {
        func check(_ holds: Bool, _ message: String) throws {
            guard holds else { throw LanguageModelError(.configuration, "\(source): \(message)") }
        }
        let sizes = [vocabularySize, hiddenSize, intermediateSize, layerCount, headCount, keyValueHeadCount, headSize]
        try check(sizes.allSatisfy { (1...(1 << 24)).contains($0) }, "a size is out of range")
        // Each is a dozen tensors to be listed before the first byte of weights is read.
        try check(layerCount <= Self.mostLayers, "there are \(layerCount) layers (num_hidden_layers), which cannot be")
        try check(contextLength >= 1, "max_position_embeddings must be at least 1")
        try check(
            headCount % keyValueHeadCount == 0,
            "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(keyValueHeadCount)")
        try check(
            rotarySize % 2 == 0 && (0...headSize).contains(rotarySize),
            "\(rotarySize) of the head size \(headSize) would be turned; rotary embeddings need an even number of them")
        try check(normEpsilon > 0 && normEpsilon.isFinite, "the norm's epsilon (rms_norm_eps) must be above 0")
        for rotary in [rotary, localRotary].compactMap({ $0 }) {
            try check(rotary.theta > 0 && rotary.theta.isFinite, "rope_theta must be above 0")
            switch rotary.scaling {
            // YaRN finds its pairs by a logarithm to this base.
            case .yarn: try check(rotary.theta > 1, "rope_theta must be above 1 with yarn")
            case .long(let long):
                try check(
                    long.shortFactors.count == rotarySize / 2 && long.longFactors.count == rotarySize / 2,
                    "rope_scaling: 'short_factor' and 'long_factor' must hold \(rotarySize / 2) numbers each")
            default: break
            }
        }
        try check(attentionScale.map { $0 > 0 && $0.isFinite } ?? true, "the scale of attention must be above 0")
    }

    /// Special tokens that the embedding has no row for. Nothing needs one of them until it occurs in a text, where
    /// ``checkTokens(_:)`` refuses it.
    private var tokensBeyondVocabulary: [(key: String, token: Int32)] {
        let named = [("bos_token_id", beginToken), ("pad_token_id", padToken)].compactMap { key, token in
            token.map { (key, $0) }
        }
        return (named + endTokens.map { ("eos_token_id", $0) }).filter { Int($0.1) >= vocabularySize }
    }

    /// config.json for an export: what was read, brought up to date.
    package func data(dtype: String = "float32") throws -> Data {
        var values = Families.named(modelType)?.export(self) ?? [:]
        values.merge(original) { ours, _ in ours }
        values["model_type"] = .string(modelType)
        values["torch_dtype"] = .string(dtype)
        values.removeValue(forKey: "dtype")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(JSON.object(values))
    }
}

extension ModelConfiguration {
    /// - Throws: when a token id lies outside the vocabulary, as with a tokenizer that does not fit the model.
    package func checkTokens(_ rows: [[Int32]]) throws {
        for row in rows {
            for token in row where token < 0 || Int(token) >= vocabularySize {
                throw LanguageModelError(
                    .argument,
                    "token \(token) lies outside the model's vocabulary of \(vocabularySize); "
                        + "does the tokenizer belong to this model?")
            }
        }
    }
}
