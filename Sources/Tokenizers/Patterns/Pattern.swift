/// A regular expression compiled to a deterministic automaton over classes of scalars.
///
/// The states are ordered lists of positions in the pattern, so the match is the one that a backtracking matcher finds
/// (leftmost, first alternative first), and a match costs one table look-up a scalar whatever the text.
/// Source: R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (2009), with the thread lists as states.
struct Pattern: Sendable {
    /// Class of each ASCII byte.
    let asciiClasses: [UInt16]
    /// First scalars of the stretches over which the explicit ranges do not change, ascending, from 0.
    let boundaries: [UInt32]
    /// Class by (stretch, category, word bit).
    let otherClasses: [UInt16]
    let usesWord: Bool
    /// Transitions by state * `width` + class; the last column is the end of the text. A transition is the next state
    /// times two, plus one if the pattern matches before the scalar; -2 and -1 for no next state.
    let transitions: [Int32]
    let width: Int
    /// Start state by the class before the start; the last is the start of the text.
    let starts: [Int32]
    let looksBehind: Bool
    let source: String
    /// Bytes of the shortest match that is not empty, or fewer.
    private(set) var shortest = 1

    init(_ source: String) throws(TokenizerError) {
        let program = try PatternProgram(PatternParser.parse(source), source: source)
        let classes = try ScalarClasses(program.sets, source: source)
        let automaton = try PatternAutomaton(program, classes, source: source)
        self.source = source
        asciiClasses = classes.ascii
        boundaries = classes.boundaries
        otherClasses = classes.other
        usesWord = classes.usesWord
        transitions = automaton.transitions
        width = automaton.width
        starts = automaton.starts
        looksBehind = program.looksBehind
    }

    /// A pattern that matches exactly this text.
    init(literal: String) throws(TokenizerError) {
        var source = ""
        for scalar in literal.unicodeScalars {
            if scalar.isASCII, !Character(scalar).isLetter, !Character(scalar).isNumber { source += "\\" }
            source.unicodeScalars.append(scalar)
        }
        try self.init(source)
        shortest = max(1, literal.utf8.count)
    }

    /// The end of the match that starts at `start`, nil if there is none.
    @inline(__always)
    func match(in bytes: UnsafeBufferPointer<UInt8>, from start: Int, range: Range<Int>) -> Int? {
        var state = Int(startState(in: bytes, at: start, range: range))
        var position = start
        var end = -1
        return transitions.withUnsafeBufferPointer { transitions in
            asciiClasses.withUnsafeBufferPointer { asciiClasses in
                while true {
                    var length = 0
                    let column: Int
                    if position >= range.upperBound {
                        column = width - 1
                    } else if bytes[position] < 0x80 {
                        column = Int(asciiClasses[Int(bytes[position])])
                        length = 1
                    } else {
                        let scalar = decodeScalar(bytes, position)
                        column = classOf(scalar.scalar)
                        length = scalar.length
                    }
                    let transition = transitions[state * width + column]
                    if transition & 1 != 0 { end = position }
                    if transition < 0 || length == 0 { return end < 0 ? nil : end }
                    state = Int(transition >> 1)
                    position += length
                }
            }
        }
    }

    private func startState(in bytes: UnsafeBufferPointer<UInt8>, at start: Int, range: Range<Int>) -> Int32 {
        guard looksBehind, start > range.lowerBound else { return starts[starts.count - 1] }
        var before = start - 1
        while before > range.lowerBound, bytes[before] & 0xC0 == 0x80 { before -= 1 }
        return starts[classOf(decodeScalar(bytes, before).scalar)]
    }

    private func classOf(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x80 { return Int(asciiClasses[Int(scalar.value)]) }
        var stretch = 0
        var upper = boundaries.count
        while upper - stretch > 1 {
            let middle = (stretch + upper) / 2
            if boundaries[middle] <= scalar.value { stretch = middle } else { upper = middle }
        }
        let word = usesWord && Category.isWord(scalar) ? 1 : 0
        return Int(otherClasses[(stretch * Category.count + Category.index(scalar)) * 2 + word])
    }

    /// Calls `body` with each match from left to right, as an iterator over matches in a backtracking library would:
    /// matches do not overlap, and an empty match is not taken where the last match ended.
    func forEachMatch(
        in bytes: UnsafeBufferPointer<UInt8>, range: Range<Int>, _ body: (Range<Int>) -> Void
    ) {
        var position = range.lowerBound
        var lastEnd = -1
        while position <= range.upperBound {
            if let end = match(in: bytes, from: position, range: range), end > position || end != lastEnd {
                body(position..<end)
                lastEnd = end
                if end > position {
                    position = end
                    continue
                }
            }
            if position >= range.upperBound { return }
            position += decodeScalar(bytes, position).length
        }
    }
}

/// Decodes the scalar that starts at `position`. The bytes are known to be UTF-8.
@inline(__always)
func decodeScalar(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let first = UInt32(bytes[position])
    if first < 0x80 { return (Unicode.Scalar(UInt8(first)), 1) }
    var value: UInt32
    let length: Int
    if first < 0xE0 {
        value = first & 0x1F
        length = 2
    } else if first < 0xF0 {
        value = first & 0x0F
        length = 3
    } else {
        value = first & 0x07
        length = 4
    }
    for index in 1..<length where position + index < bytes.count {
        value = value << 6 | UInt32(bytes[position + index] & 0x3F)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
}
