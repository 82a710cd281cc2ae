/// Cuts a normalized text into the words that the model encodes one by one.
indirect enum PreTokenizer: Sendable {
    case sequence([PreTokenizer])
    case split(Pattern, SplitBehavior, invert: Bool)
    case byteLevel(addPrefixSpace: Bool, pattern: Pattern?)
    case metaspace(Metaspace)

    func apply(_ pieces: inout Pieces) {
        switch self {
        case .sequence(let steps): for step in steps { step.apply(&pieces) }
        case .split(let pattern, let behavior, let invert): pieces.split(pattern, behavior, invert: invert)
        case .byteLevel(let addPrefixSpace, let pattern):
            if addPrefixSpace { pieces.addPrefixSpaces() }
            if let pattern { pieces.split(pattern, .isolated, invert: false) }
            pieces.mapToByteAlphabet()
        case .metaspace(let metaspace): metaspace.apply(&pieces)
        }
    }

    /// The pattern of GPT-2, which `ByteLevel` applies by itself.
    static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
}

extension Pieces {
    /// Puts a space before each piece that does not start with one.
    fileprivate mutating func addPrefixSpaces() {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + ranges.count)
        var mapped: [Range<Int>] = []
        mapped.reserveCapacity(ranges.count)
        // A gap before the first piece stays a gap, so that the piece is still not the start of the input.
        if let first = ranges.first, first.lowerBound > 0 { output.append(0) }
        for range in ranges {
            let start = output.count
            if bytes[range.lowerBound] != UInt8(ascii: " ") { output.append(UInt8(ascii: " ")) }
            output += bytes[range]
            mapped.append(start..<output.count)
        }
        bytes = output
        ranges = mapped
    }

    fileprivate mutating func mapToByteAlphabet() {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 2)
        var mapped: [Range<Int>] = []
        mapped.reserveCapacity(ranges.count)
        let scalars = ByteAlphabet.scalars
        if let first = ranges.first, first.lowerBound > 0 { output.append(0) }
        bytes.withUnsafeBufferPointer { buffer in
            for range in ranges {
                let start = output.count
                for byte in buffer[range] { ByteAlphabet.append(byte, to: &output, scalars) }
                mapped.append(start..<output.count)
            }
        }
        bytes = output
        ranges = mapped
    }
}

/// SentencePiece's treatment of spaces: each becomes a visible mark that begins a word.
struct Metaspace: Sendable {
    enum Prepend: String { case always, first, never }

    let mark: [UInt8]
    let prepend: Prepend
    /// Splits before each mark; nil if the text stays whole.
    let pattern: Pattern?

    func apply(_ pieces: inout Pieces) {
        var output: [UInt8] = []
        output.reserveCapacity(pieces.bytes.count * 2)
        var mapped: [Range<Int>] = []
        if let first = pieces.ranges.first, first.lowerBound > 0 { output.append(0) }
        for range in pieces.ranges {
            let start = output.count
            let wantsMark = prepend == .always || (prepend == .first && pieces.isInputStart(range))
            let hasMark = pieces.bytes[range].starts(with: mark) || pieces.bytes[range.lowerBound] == UInt8(ascii: " ")
            if wantsMark, !hasMark { output += mark }
            for byte in pieces.bytes[range] {
                if byte == UInt8(ascii: " ") { output += mark } else { output.append(byte) }
            }
            mapped.append(start..<output.count)
        }
        pieces.bytes = output
        pieces.ranges = mapped
        if let pattern { pieces.split(pattern, .mergedWithNext, invert: false) }
    }
}
