/// What `transformers` does to a tokenizer beyond its tokenizer.json because of the class named in
/// tokenizer_config.json: defaults for special tokens, and for some classes the ids around a text.
struct TokenizerClass {
    var bos: String?
    var eos: String?
    var pad: String?
    var unknown: String?
    /// Whether start and end tokens follow `add_bos_token` and `add_eos_token` rather than the post-processor.
    var ownsTemplate = false
    var addsBOS = false
    /// Whether `add_prefix_space` of the configuration, false when it is absent, stands above the file's own. Both
    /// versions of `transformers` do so for these classes. For all others the file is right: 5 always takes its word, and
    /// 4 writes files that agree with its configuration.
    var decidesPrefixSpace = false

    /// - Parameter name: with or without "Fast" at its end.
    init(_ name: String?) {
        var name = name ?? ""
        if name.hasSuffix("Fast") { name.removeLast(4) }
        switch name {
        case "LlamaTokenizer", "CodeLlamaTokenizer":
            (bos, eos, unknown) = ("<s>", "</s>", "<unk>")
            ownsTemplate = true
            addsBOS = true
        case "GemmaTokenizer":
            (bos, eos, pad, unknown) = ("<bos>", "<eos>", "<pad>", "<unk>")
            ownsTemplate = true
            addsBOS = true
        case "GPTNeoXTokenizer":
            (bos, eos, unknown) = ("<|endoftext|>", "<|endoftext|>", "<|endoftext|>")
            ownsTemplate = true
            decidesPrefixSpace = true
        case "GPT2Tokenizer":
            (bos, eos, unknown) = ("<|endoftext|>", "<|endoftext|>", "<|endoftext|>")
            decidesPrefixSpace = true
        case "Qwen2Tokenizer":
            (eos, pad, unknown) = ("<|endoftext|>", "<|endoftext|>", "<|endoftext|>")
            decidesPrefixSpace = true
        default: break
        }
    }
}

extension TokenizerSettings {
    /// Adds what the configuration says beside tokenizer.json: tokens with other flags, and special tokens that
    /// tokenizer.json does not have.
    func addTokens(to added: inout AddedVocabulary, model: any TokenModel) throws(TokenizerError) {
        guard let configuration else { return }
        if let value = configuration["added_tokens_decoder"] {
            let section = try JSONSection(value, path: "tokenizer_config.json: added_tokens_decoder")
            var tokens: [(id: Int, token: AddedToken)] = []
            for member in section.members {
                guard let id = Int(member.key) else {
                    throw TokenizerError(.format, "\(section.path): '\(member.key)' is not a token id")
                }
                let entry = try JSONSection(member.value, path: "\(section.path).\(member.key)")
                var token = try AddedToken(entry, allowing: ["__type"])
                if specials.contains(where: { $0.content.utf8.elementsEqual(token.content.utf8) }) {
                    token.isSpecial = true
                }
                tokens.append((id, token))
            }
            for (_, token) in tokens.sorted(by: { $0.id < $1.id }) { added.add(token, model: model) }
        }
        for token in specials where added.id(of: token.content) == nil { added.add(token, model: model) }
    }

    /// The ids around a text: by the class where it owns them, by the file elsewhere.
    func postProcessor(
        _ own: PostProcessor?, id: (String) -> Int32?
    ) throws(TokenizerError) -> PostProcessor {
        guard let configuration, tokenizerClass.ownsTemplate else { return own ?? PostProcessor() }
        func ids(_ key: String, default adds: Bool, _ token: String?) throws(TokenizerError) -> [Int32] {
            guard configuration[key]?.bool ?? adds else { return [] }
            guard let token, let id = id(token) else {
                throw TokenizerError(.format, "tokenizer_config.json: \(key) is true, but there is no such token")
            }
            return [id]
        }
        return PostProcessor(
            prefix: try ids("add_bos_token", default: tokenizerClass.addsBOS, bos),
            suffix: try ids("add_eos_token", default: false, eos))
    }
}

extension PreTokenizer {
    /// With some classes the configuration decides whether `ByteLevel` puts a space before the text.
    func withPrefixSpace(_ settings: TokenizerSettings) -> PreTokenizer {
        guard case .byteLevel(_, let pattern) = self, let configuration = settings.configuration,
            settings.tokenizerClass.decidesPrefixSpace
        else { return self }
        return .byteLevel(addPrefixSpace: configuration["add_prefix_space"]?.bool ?? false, pattern: pattern)
    }
}
