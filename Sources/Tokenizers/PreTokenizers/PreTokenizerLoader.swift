extension PreTokenizer {
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
                try Pattern(#"[\p{P}$+<=>^`|~]"#),
                section.value("behavior") == nil ? .isolated : try section.behavior(), invert: false)
        case "Whitespace":
            try section.allow(["type"])
            self = .split(try Pattern(#"\w+|[^\w\s]+"#), .removed, invert: true)
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
