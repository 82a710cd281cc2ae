/// Which ids stand before and behind those of a text when special tokens are asked for.
struct PostProcessor: Sendable {
    private(set) var prefix: [Int32] = []
    private(set) var suffix: [Int32] = []

    init() {}

    /// - Parameter id: the id of a token by its text.
    init(_ section: JSONSection, id: (String) -> Int32?) throws(TokenizerError) {
        let type = try section.type()
        switch type {
        case "Sequence":
            try section.allow(["type", "processors"])
            for step in try section.sections("processors") {
                let inner = try PostProcessor(step, id: id)
                prefix = inner.prefix + prefix
                suffix += inner.suffix
            }
        case "ByteLevel": try section.allow(["type", "add_prefix_space", "trim_offsets", "use_regex"])
        case "TemplateProcessing":
            try section.allow(["type", "single", "pair", "special_tokens"])
            try readTemplate(section)
        case "BertProcessing", "RobertaProcessing":
            try section.allow(["type", "sep", "cls", "trim_offsets", "add_prefix_space"])
            prefix = [try Self.pairID(section, "cls")]
            suffix = [try Self.pairID(section, "sep")]
        default: throw section.unsupported("the post-processor '\(type)'")
        }
    }

    /// What the configuration of Llama-like tokenizers asks for beside the file.
    init(prefix: [Int32], suffix: [Int32]) {
        self.prefix = prefix
        self.suffix = suffix
    }

    private static func pairID(_ section: JSONSection, _ key: String) throws(TokenizerError) -> Int32 {
        let pair = try section.array(key)
        guard pair.count == 2, let number = pair[1].integer else {
            throw TokenizerError(.format, "\(section.path).\(key) is not a token and its id")
        }
        return try tokenID(number, "\(section.path).\(key)")
    }

    private mutating func readTemplate(_ section: JSONSection) throws(TokenizerError) {
        var known: [String: [Int32]] = [:]
        if let tokens = try section.optionalSection("special_tokens") {
            for member in tokens.members {
                let token = try JSONSection(member.value, path: "\(tokens.path).\(member.key)")
                try token.allow(["id", "ids", "tokens"])
                var ids: [Int32] = []
                for number in try token.array("ids") {
                    guard let number = number.integer else {
                        throw TokenizerError(.format, "\(token.path).ids has an element that is not an integer")
                    }
                    ids.append(try tokenID(number, "\(token.path).ids"))
                }
                known[member.key] = ids
            }
        }
        var seenText = false
        for piece in try section.sections("single") {
            try piece.allow(["SpecialToken", "Sequence"])
            if let special = try piece.optionalSection("SpecialToken") {
                let name = try special.string("id")
                guard let ids = known[name] else {
                    throw TokenizerError(.format, "\(special.path): '\(name)' is not among special_tokens")
                }
                if seenText { suffix += ids } else { prefix += ids }
            } else {
                let name = try piece.section("Sequence").string("id")
                guard name == "A", !seenText else { throw piece.unsupported("a template with the text more than once") }
                seenText = true
            }
        }
        if !seenText { throw section.unsupported("a template without the text") }
    }
}
