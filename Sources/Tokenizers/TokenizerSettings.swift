/// What the files beside tokenizer.json say.
struct TokenizerSettings: Sendable {
    private(set) var bos: String?
    private(set) var eos: String?
    private(set) var pad: String?
    private(set) var unknown: String?
    /// All special tokens that the files name, in the order in which missing ones are added.
    private(set) var specials: [AddedToken] = []
    let generationEnds: GenerationEnds
    let configuration: JSONValue?
    let chatTemplate: String?
    let tokenizerClass: TokenizerClass

    init(
        configuration: JSONValue?, map: JSONValue?, generation: GenerationEnds, chatTemplate: String?
    ) throws(TokenizerError) {
        guard configuration?["split_special_tokens"]?.bool != true else {
            throw TokenizerError(
                .unsupported,
                """
                tokenizer_config.json: 'split_special_tokens' is true: special tokens in texts would be cut into pieces, \
                which is not implemented; set it to false
                """)
        }
        self.configuration = configuration
        self.chatTemplate = chatTemplate
        generationEnds = generation
        tokenizerClass = TokenizerClass(configuration?["tokenizer_class"]?.string)
        // Files that list the added tokens in the configuration do without the map.
        var files = [(configuration, "tokenizer_config.json"), (map, "special_tokens_map.json")]
        if configuration?["added_tokens_decoder"] == nil { files.reverse() }
        bos = try token("bos_token", in: files, default: tokenizerClass.bos)
        eos = try token("eos_token", in: files, default: tokenizerClass.eos)
        unknown = try token("unk_token", in: files, default: tokenizerClass.unknown)
        _ = try token("sep_token", in: files, default: nil)
        pad = try token("pad_token", in: files, default: tokenizerClass.pad)
        for key in ["cls_token", "mask_token"] { _ = try token(key, in: files, default: nil) }
        specials += try ExtraTokens.read(files)
    }

    private mutating func token(
        _ key: String, in files: [(JSONValue?, String)], default fallback: String?
    ) throws(TokenizerError) -> String? {
        for (file, name) in files {
            guard let value = file?[key] else { continue }
            if value == .null { return nil }
            let token = try Self.read(value, "\(name): \(key)")
            specials.append(token)
            return token.content
        }
        guard configuration != nil, let fallback else { return nil }
        var token = AddedToken(content: fallback)
        token.isSpecial = true
        token.isNormalized = false
        specials.append(token)
        return fallback
    }

    /// A special token as a text or as an object with flags.
    static func read(_ value: JSONValue, _ place: String) throws(TokenizerError) -> AddedToken {
        switch value {
        case .string(let text):
            var token = AddedToken(content: text)
            token.isSpecial = true
            token.isNormalized = false
            return token
        case .object:
            var token = try AddedToken(JSONSection(value, path: place), allowing: ["__type"])
            token.isSpecial = true
            return token
        default: throw TokenizerError(.format, "\(place) is \(value.typeName), expected a string")
        }
    }
}
