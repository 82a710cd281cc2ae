package import Foundation

/// Size and arithmetic of a model, as config.json states them.
package struct ModelConfiguration: Sendable, Hashable {
    /// How rotary position embeddings are stretched beyond the length of pretraining.
    package enum RotaryScaling: Sendable, Hashable {
        case none
        /// All positions divided by `factor`.
        case linear(factor: Double)
        /// Llama 3.1: low frequencies divided by `factor`, high ones kept, a ramp between.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalContext: Int)
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
    /// Longest sequence, prompt and answer together.
    package var contextLength: Int
    package var normEpsilon = 1e-5
    package var ropeTheta = 10_000.0
    package var ropeScaling = RotaryScaling.none
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
        self.headSize = headSize ?? (headCount > 0 ? hiddenSize / headCount : 0)
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
        let reader = try ConfigurationReader(data: data, source: source)
        let type = try reader.string("model_type")
        guard let family = Families.named(type) else {
            throw LanguageModelError(
                .configuration,
                "\(source): model_type '\(type)' is not supported; supported are "
                    + Families.all.flatMap { $0.modelTypes }.joined(separator: ", "))
        }
        self = try family.configuration(reader)
        modelType = type
        original = reader.values
        try validate(source: source)
    }

    private func validate(source: String) throws {
        func check(_ holds: Bool, _ message: String) throws {
            guard holds else { throw LanguageModelError(.configuration, "\(source): \(message)") }
        }
        let sizes = [vocabularySize, hiddenSize, intermediateSize, layerCount, headCount, keyValueHeadCount, headSize]
        try check(sizes.allSatisfy { (1...(1 << 24)).contains($0) }, "a size is out of range")
        try check(contextLength >= 1, "max_position_embeddings must be at least 1")
        try check(
            headCount % keyValueHeadCount == 0,
            "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(keyValueHeadCount)")
        try check(headSize % 2 == 0, "the head size \(headSize) must be even for rotary embeddings")
        try check(normEpsilon > 0 && normEpsilon.isFinite, "rms_norm_eps must be above 0")
        try check(ropeTheta > 0 && ropeTheta.isFinite, "rope_theta must be above 0")
        let ids = endTokens + [beginToken, padToken].compactMap { $0 }
        try check(ids.allSatisfy { $0 >= 0 && Int($0) < vocabularySize }, "a special token lies outside the vocabulary")
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
