/// How much longer the steps of a tokenizer may make a text.
///
/// One step after the other multiplies: forty that write a letter twice make a terabyte of it. So a file whose steps could
/// do that is refused when it is read; published ones stay far below.
struct TextGrowth {
    private static let largest = 65_536.0
    private var factor = 1.0

    /// - Throws: when all steps so far could make a text too long.
    mutating func multiply(by growth: Double, _ path: String) throws(TokenizerError) {
        factor *= max(1, growth)
        guard factor <= Self.largest else {
            throw TokenizerError(
                .format, "\(path): its steps could make a text more than \(Int(Self.largest)) times as long")
        }
    }

    /// Of a match that becomes `content`.
    static func replacing(_ pattern: Pattern, by content: [UInt8]) -> Double {
        // Between any two characters may be an empty match.
        Double(content.count) / Double(pattern.shortest) + (pattern.matchesNothing ? 1 : 0)
    }
}

extension Pattern {
    /// Whether there is a place at which an empty text is a match.
    fileprivate var matchesNothing: Bool {
        starts.contains { start in
            let row = Int(start) * width
            return transitions[row..<row + width].contains { $0 & 1 != 0 }
        }
    }
}

extension Normalizer {
    func grow(_ growth: inout TextGrowth, _ path: String) throws(TokenizerError) {
        switch self {
        case .sequence(let steps): for step in steps { try step.grow(&growth, path) }
        // U+FDFA becomes eleven times as long.
        case .form: try growth.multiply(by: 11, path)
        case .lowercase: try growth.multiply(by: 2, path)
        case .prepend(let prefix): try growth.multiply(by: 1 + Double(prefix.count), path)
        case .replace(let pattern, let content):
            try growth.multiply(by: TextGrowth.replacing(pattern, by: content), path)
        case .replaceByte(_, let content): try growth.multiply(by: Double(content.count), path)
        // An entry of the table is three bytes, as in U+FDFA, or shorter and then not replaced by much.
        case .precompiled(let map): try growth.multiply(by: Double(map.longestText) / 3, path)
        case .strip, .stripAccents, .nmt: break
        }
    }
}

extension PreTokenizer {
    func grow(_ growth: inout TextGrowth, _ path: String) throws(TokenizerError) {
        switch self {
        case .sequence(let steps): for step in steps { try step.grow(&growth, path) }
        case .split: break
        case .byteLevel(let addPrefixSpace, _): try growth.multiply(by: addPrefixSpace ? 4 : 2, path)
        case .metaspace(let metaspace): try growth.multiply(by: Double(2 * metaspace.mark.count), path)
        }
    }
}

extension Decoder.Step {
    func grow(_ growth: inout TextGrowth, _ path: String) throws(TokenizerError) {
        if case .replace(let pattern, let content) = self {
            try growth.multiply(by: TextGrowth.replacing(pattern, by: content), path)
        }
    }
}
