internal import Foundation

extension Tokenizer {
    /// The files of a Hugging Face directory that belong to the tokenizer. Only the first must be there.
    package static let fileNames = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "config.json",
        "chat_template.jinja",
    ]

    /// Reads a Hugging Face directory.
    package convenience init(directory: String) throws(TokenizerError) {
        var files: [String: [UInt8]] = [:]
        for name in Self.fileNames {
            let path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
            guard FileManager.default.fileExists(atPath: path) else {
                if name == "tokenizer.json" {
                    throw TokenizerError(
                        .file,
                        "\(path) does not exist; save the tokenizer in its fast form (AutoTokenizer … save_pretrained)")
                }
                continue
            }
            do {
                files[name] = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            } catch {
                throw TokenizerError(.file, "cannot read \(path)", cause: error)
            }
        }
        try self.init(files: files)
    }

    /// Reads the same files from memory, by their names.
    package convenience init(files: [String: some Sequence<UInt8>]) throws(TokenizerError) {
        func parse(_ name: String) throws(TokenizerError) -> JSONValue? {
            guard let bytes = files[name] else { return nil }
            return try JSONParser.parse(Array(bytes), file: name)
        }
        guard let json = try parse("tokenizer.json") else {
            throw TokenizerError(.file, "there is no tokenizer.json")
        }
        let root = try JSONSection(json, path: "tokenizer.json")
        // Truncation and padding are for batches; nothing here cuts or fills a text.
        try root.allow([
            "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
            "decoder", "model",
        ])
        let settings = try TokenizerSettings(
            configuration: parse("tokenizer_config.json"), map: parse("special_tokens_map.json"),
            generation: GenerationEnds(parse("generation_config.json"), model: parse("config.json")),
            chatTemplate: files["chat_template.jinja"].map { String(decoding: Array($0), as: UTF8.self) })
        let model = try loadModel(root.section("model"))
        let normalizer = try root.optionalSection("normalizer").map { section throws(TokenizerError) in
            try Normalizer(section)
        }
        let preTokenizer = try root.optionalSection("pre_tokenizer").map { section throws(TokenizerError) in
            try PreTokenizer(section).withPrefixSpace(settings)
        }
        var growth = TextGrowth()
        try normalizer?.grow(&growth, "tokenizer.json")
        try preTokenizer?.grow(&growth, "tokenizer.json")
        var added = AddedVocabulary()
        if root.value("added_tokens") != nil {
            for section in try root.sections("added_tokens") {
                _ = try tokenID(section.integer("id"), "\(section.path).id")
                added.add(try AddedToken(section, allowing: ["id"]), model: model)
            }
        }
        try settings.addTokens(to: &added, model: model)
        added.finish { normalizer?.apply($0) ?? $0 }
        let postProcessor = try root.optionalSection("post_processor").map { section throws(TokenizerError) in
            try PostProcessor(section) { added.id(of: $0) ?? model.id(of: $0) }
        }
        self.init(
            model: model, added: added, normalizer: normalizer, preTokenizer: preTokenizer,
            postProcessor: try settings.postProcessor(postProcessor) { added.id(of: $0) ?? model.id(of: $0) },
            decoder: try Decoder(root.optionalSection("decoder")),
            settings: settings)
    }
}

private func loadModel(_ section: JSONSection) throws(TokenizerError) -> any TokenModel {
    // Files from before 2020 name no type.
    let type = try section.optionalString("type") ?? (section.value("merges") == nil ? "Unigram" : "BPE")
    switch type {
    case "BPE": return try BPEModel(section)
    case "Unigram": return try UnigramModel(section)
    default: throw section.unsupported("the model '\(type)'")
    }
}
