import Torch

/// One tensor that a model consists of.
struct TensorSpecification {
    enum Initial {
        case normal(deviation: Double)
        case ones
        case zeros
    }

    /// How the weights of a linear map lie.
    enum Layout {
        case outputInput
        /// GPT-2's.
        case inputOutput
    }

    let name: String
    let shape: [Int]
    let initial: Initial
    /// Of the weights of a linear map; nil for every other tensor.
    let linear: Layout?

    init(_ name: String, _ shape: [Int], _ initial: Initial, linear: Layout? = nil) {
        self.name = name
        self.shape = shape
        self.initial = initial
        self.linear = linear
    }
}

/// What a forward pass is about. B rows, T positions.
struct ForwardInput {
    /// [B, T] int64
    let tokens: Tensor
    /// [1 or B, T] int64; counts real tokens, padding does not shift it.
    let positions: Tensor
    /// Of a pass without earlier keys.
    var layout = TokenBatch.Layout.plain
    /// Of one new token of each row over earlier keys: bool [B, 1, 1, S], true = may look; nil = at all.
    var mask: Tensor?
    var cache: KeyValueCache?
    /// Keep only what lies between layers and compute the rest again in the backward pass.
    var recompute = false
}

/// One family of models: what its config.json means, which tensors it has, and its arithmetic from tokens to the hidden
/// states after the last norm. One file each; listed in ``Families``.
protocol Family: AnyObject {
    /// Values of `model_type`.
    static var modelTypes: [String] { get }

    /// The part of config.json that describes a language model, where that is only one part of several.
    static func languagePart(_ file: ConfigurationReader) throws -> ConfigurationReader

    /// - Throws: an error that names the key for whatever would change the arithmetic and is not implemented.
    static func configuration(_ reader: ConfigurationReader) throws -> ModelConfiguration

    /// The family's entries of config.json.
    static func export(_ configuration: ModelConfiguration) -> [String: JSON]

    /// Tensors of the trunk, in the fixed order of parameters. Names are those of Hugging Face files.
    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification]

    /// The embedding table, which is also the head when that is tied.
    static var embeddingName: String { get }

    /// The head, when it is not tied.
    static var headName: String { get }

    /// The name in ``tensors(_:)`` of what some published files call `name`.
    static func canonicalName(_ name: String) -> String

    /// Names, canonical ones, found in published files that carry no weights of the language model.
    static func isIgnored(_ name: String) -> Bool

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws

    /// -> [B, T, d]
    func forward(_ input: ForwardInput) throws -> Tensor

    /// The fused form for generation, with the weights as they are now.
    func decoder(_ options: DecoderOptions) throws -> FusedDecoder
}

extension Family {
    static func languagePart(_ file: ConfigurationReader) throws -> ConfigurationReader { file }
    static var headName: String { "lm_head.weight" }
    static func canonicalName(_ name: String) -> String { name }
}

/// How a family's weights become a decoder.
struct DecoderOptions {
    /// [V, d]
    let head: Tensor
    let threads: Int
    /// The weights are needed for nothing else: their memory goes as they are packed, see ``FusedDecoder``.
    var consuming = false

    /// What the decoder looks tokens up in: with a tied head that is consumed, the packed head.
    func table(_ embedding: Tensor, _ configuration: ModelConfiguration) -> Tensor? {
        consuming && configuration.tiedHead ? nil : embedding
    }
}

enum Families {
    static var all: [any Family.Type] {
        [Llama.self, Mistral.self, Qwen2.self, Qwen3.self, Gemma3.self, Phi3.self, GPT2.self, GPTNeoX.self]
    }

    static func named(_ type: String) -> (any Family.Type)? {
        all.first { $0.modelTypes.contains(type) }
    }
}
