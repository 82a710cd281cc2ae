/// How the texts of tokens become one text: a list of steps, each of which takes the tokens that the one before gives.
struct Decoder: Sendable {
    enum Step: Sendable {
        /// Bytes in the byte-level alphabet.
        case byteLevel
        /// Runs of `<0xAB>` become the bytes they name.
        case byteFallback
        /// All tokens become one.
        case fuse
        case replace(Pattern, [UInt8])
        /// Removes up to so many of a character from the ends of each token.
        case strip(Unicode.Scalar, start: Int, stop: Int)
        case metaspace(mark: [UInt8], keepsFirst: Bool)
    }

    var steps: [Step]
    /// Tokens are joined by spaces where the file names no decoder.
    let joinsWithSpaces: Bool

    /// - Parameter section: nil if the file has no decoder.
    init(_ section: JSONSection?) throws(TokenizerError) {
        steps = []
        joinsWithSpaces = section == nil
        guard let section else { return }
        try add(section)
        var growth = TextGrowth()
        for step in steps { try step.grow(&growth, section.path) }
    }

    private mutating func add(_ section: JSONSection) throws(TokenizerError) {
        let type = try section.type()
        switch type {
        case "Sequence":
            try section.allow(["type", "decoders"])
            for step in try section.sections("decoders") { try add(step) }
        case "ByteLevel":
            try section.allow(["type", "add_prefix_space", "trim_offsets", "use_regex"])
            steps.append(.byteLevel)
        case "ByteFallback":
            try section.allow(["type"])
            steps.append(.byteFallback)
        case "Fuse":
            try section.allow(["type"])
            steps.append(.fuse)
        case "Replace":
            try section.allow(["type", "pattern", "content"])
            steps.append(
                .replace(try Pattern(section.section("pattern")), Array(try section.string("content").utf8)))
        case "Strip":
            try section.allow(["type", "content", "start", "stop"])
            let content = try section.string("content").unicodeScalars
            guard content.count == 1, let scalar = content.first else {
                throw TokenizerError(.format, "\(section.path).content is not one character")
            }
            let start = try section.integer("start")
            let stop = try section.integer("stop")
            guard start >= 0, stop >= 0 else { throw TokenizerError(.format, "\(section.path): a negative count") }
            steps.append(.strip(scalar, start: start, stop: stop))
        case "Metaspace":
            let metaspace = try Metaspace(section)
            steps.append(.metaspace(mark: metaspace.mark, keepsFirst: metaspace.prepend == .never))
        default: throw section.unsupported("the decoder '\(type)'")
        }
    }
}
