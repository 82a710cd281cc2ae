extension PreTokenizer {
    /// Punctuation by Unicode 8, which the reference uses here: not what came later, but two signs that have changed
    /// their category since; and all ASCII symbols.
    private static let punctuation =
        #"[[\p{P}$+<=>^`|~\x{166D}\x{111C9}]&&[^\x{61D}\x{9FD}-\x{A76}\x{C77}-\x{C84}\x{1B4E}\x{1B4F}\x{1B7D}-\x{1B7F}"#
        + #"\x{2E43}-\x{2E5D}\x{10D6E}-\x{10F89}\x{113D4}-\x{1145D}\x{11660}-\x{116B9}\x{1183B}-\x{11FFF}"#
        + #"\x{12FF1}-\x{12FF2}\x{16D6D}-\x{16FE2}\x{1E5FF}-\x{1E95F}]]"#

    init(_ section: JSONSection) throws(TokenizerError) {
        let type = try section.type()
        switch type {
        case "Sequence":
            try section.allow(["type", "pretokenizers"])
            var steps: [PreTokenizer] = []
            for step in try section.sections("pretokenizers") { steps.append(try PreTokenizer(step)) }
            self = .sequence(steps)
        case "ByteLevel":
            try section.allow(["type", "add_prefix_space", "trim_offsets", "use_regex"])
            let usesPattern = try section.bool("use_regex", default: true)
            self = .byteLevel(
                addPrefixSpace: try section.bool("add_prefix_space", default: true),
                pattern: usesPattern ? try Pattern(Self.gpt2) : nil)
        case "Split":
            try section.allow(["type", "pattern", "behavior", "invert"])
            self = .split(
                try Pattern(section.section("pattern")), try section.behavior(),
                invert: try section.bool("invert", default: false))
        case "Digits":
            try section.allow(["type", "individual_digits"])
            let individual = try section.bool("individual_digits", default: false)
            self = .split(try Pattern(#"\p{N}"#), individual ? .isolated : .contiguous, invert: false)
        case "Punctuation":
            try section.allow(["type", "behavior"])
            self = .split(
                try Pattern(Self.punctuation),
                section.value("behavior") == nil ? .isolated : try section.behavior(), invert: false)
        case "Whitespace":
            try section.allow(["type"])
            self = .split(try Pattern(#"[\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+"#), .removed, invert: true)
        case "WhitespaceSplit":
            try section.allow(["type"])
            self = .split(try Pattern(#"\s"#), .removed, invert: false)
        case "CharDelimiterSplit":
            try section.allow(["type", "delimiter"])
            self = .split(try Pattern(literal: section.string("delimiter")), .removed, invert: false)
        case "Metaspace": self = .metaspace(try Metaspace(section))
        default: throw section.unsupported("the pre-tokenizer '\(type)'")
        }
    }
}

extension JSONSection {
    fileprivate func behavior() throws(TokenizerError) -> SplitBehavior {
        let name = try string("behavior")
        guard let behavior = SplitBehavior(rawValue: name) else { throw unsupported("the behavior '\(name)'") }
        return behavior
    }
}

extension Pattern {
    /// `{"Regex": "…"}` or `{"String": "…"}`.
    init(_ section: JSONSection) throws(TokenizerError) {
        try section.allow(["Regex", "String"])
        if section.value("Regex") != nil {
            try self.init(try section.string("Regex"))
        } else {
            try self.init(literal: try section.string("String"))
        }
    }
}

extension Metaspace {
    init(_ section: JSONSection) throws(TokenizerError) {
        try section.allow(["type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"])
        let mark = try section.optionalString("replacement") ?? "\u{2581}"
        let addsSpace = try section.bool("add_prefix_space", default: true)
        var prepend = addsSpace ? Prepend.always : .never
        if let name = try section.optionalString("prepend_scheme") {
            guard let scheme = Prepend(rawValue: name) else {
                throw section.unsupported("the prepend_scheme '\(name)'")
            }
            if section.value("add_prefix_space") != nil, !addsSpace, scheme != .never {
                throw TokenizerError(.format, "\(section.path): add_prefix_space contradicts prepend_scheme '\(name)'")
            }
            prepend = scheme
        }
        self.mark = Array(mark.utf8)
        self.prepend = prepend
        self.pattern = try section.bool("split", default: true) ? try Pattern(literal: mark) : nil
    }
}
