import Foundation

/// A regular expression in the syntax of Python's `re`, which is what patterns of format rewards are written in.
///
/// It is parsed as Python does and written anew for ICU, the engine of `NSRegularExpression`, so that it means the same:
/// anchors, classes and sets become explicit sets and look-arounds, named groups become numbered ones. What ICU cannot do
/// (conditional groups) or Python would refuse is an error. Two things are allowed that Python lacks: look-behind of any
/// bounded length, and `\p{...}`.
package struct PythonPattern: Sendable {
    /// The pattern for ICU, to be used without options.
    package let icu: String

    /// What is wrong with a pattern, and where.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    package init(_ pattern: String) throws(Problem) {
        var parser = PatternParser(pattern)
        icu = try parser.whole()
        do {
            _ = try NSRegularExpression(pattern: icu)
        } catch {
            throw Problem(description: "the regular expression engine (ICU) cannot do this pattern")
        }
    }
}

/// Reads Python's syntax and writes ICU's on the way.
struct PatternParser {
    /// Flags that hold where the parser stands; of them only `ignoreCase` reaches ICU.
    struct Flags {
        var ignoreCase = false
        var multiline = false
        var dotAll = false
        var verbose = false
        var ascii = false
    }

    static let any = #"[\x{0}-\x{10FFFF}]"#
    private static let deepest = 200

    private let scalars: [Unicode.Scalar]
    var position = 0
    var flags = Flags()
    /// Capturing groups so far, which of them are still open, and the numbers of those with a name.
    private var groups = 0
    private var open: Set<Int> = []
    private var names: [String: Int] = [:]
    private var depth = 0

    init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

    // MARK: - Reading

    var next: Unicode.Scalar? { peek(0) }

    func peek(_ distance: Int) -> Unicode.Scalar? {
        position + distance < scalars.count ? scalars[position + distance] : nil
    }

    mutating func take() -> Unicode.Scalar? {
        guard let scalar = next else { return nil }
        position += 1
        return scalar
    }

    mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard position + wanted.count <= scalars.count,
            scalars[position..<position + wanted.count].elementsEqual(wanted)
        else { return false }
        position += wanted.count
        return true
    }

    mutating func take(until end: Unicode.Scalar, _ what: String) throws(PythonPattern.Problem) -> String {
        let start = position
        while let scalar = take() {
            if scalar == end { return Self.text(scalars[start..<position - 1]) }
        }
        throw problem("\(what) has no end", at: start)
    }

    mutating func digits(atMost count: Int = 9) -> String {
        let start = position
        while let scalar = next, position - start < count, ("0"..."9").contains(scalar) { position += 1 }
        return Self.text(scalars[start..<position])
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    func problem(_ message: String, at place: Int? = nil) -> PythonPattern.Problem {
        PythonPattern.Problem(description: "\(message), at character \((place ?? position) + 1)")
    }

    // MARK: - Grammar

    mutating func whole() throws(PythonPattern.Problem) -> String {
        while let global = try globalFlags() { set(global, to: true, in: &flags) }
        try refuseASCIICase(flags)
        let body = try alternatives()
        if next != nil { throw problem("this parenthesis closes no group") }
        return flags.ignoreCase ? "(?i)" + body : body
    }

    /// `(?ims)` at the start of the pattern; nil when it begins otherwise.
    private mutating func globalFlags() throws(PythonPattern.Problem) -> String? {
        let start = position
        guard take("(?") else { return nil }
        var letters = ""
        while let scalar = next, scalar.properties.isAlphabetic {
            letters.unicodeScalars.append(scalar)
            position += 1
        }
        guard !letters.isEmpty, letters != "P", take(")") else {
            position = start
            return nil
        }
        try check(letters, at: start)
        return letters
    }

    private mutating func alternatives() throws(PythonPattern.Problem) -> String {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw problem("groups are nested more than \(Self.deepest) deep") }
        var text = try sequence()
        while take("|") { text += "|" + (try sequence()) }
        return text
    }

    /// What a quantifier may follow.
    private enum Last { case nothing, anchor, item, repeated }

    private mutating func sequence() throws(PythonPattern.Problem) -> String {
        var text = ""
        var last = Last.nothing
        while let scalar = next, scalar != "|", scalar != ")" {
            if flags.verbose, skipVerbose() { continue }
            if take("(?#") {
                _ = try take(until: ")", "the comment")
                continue
            }
            if let quantifier = try quantifier() {
                switch last {
                case .nothing, .anchor: throw problem("nothing to repeat", at: quantifier.start)
                case .repeated: throw problem("multiple repeat", at: quantifier.start)
                case .item: break
                }
                text += quantifier.text
                last = .repeated
                continue
            }
            let (piece, kind) = try item()
            text += piece
            last = kind
        }
        return text
    }

    /// Passes over white space and comments, which mean nothing with the flag x.
    private mutating func skipVerbose() -> Bool {
        guard let scalar = next else { return false }
        if [" ", "\t", "\n", "\r", "\u{B}", "\u{C}"].contains(scalar) {
            position += 1
            return true
        }
        guard scalar == "#" else { return false }
        while let scalar = take(), scalar != "\n" {}
        return true
    }

    private mutating func quantifier() throws(PythonPattern.Problem) -> (text: String, start: Int)? {
        let start = position
        var text: String
        if take("*") {
            text = "*"
        } else if take("+") {
            text = "+"
        } else if take("?") {
            text = "?"
        } else if let bounds = try bounds() {
            text = bounds
        } else {
            return nil
        }
        for suffix in ["?", "+"] where take(suffix) {
            // ICU would repeat an empty part for ever with *? and *+, but not with these.
            if text == "*" { text = "{0,}" } else if text == "+" { text = "{1,}" }
            return (text + suffix, start)
        }
        return (text, start)
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`; nil where the brace is a character like others.
    private mutating func bounds() throws(PythonPattern.Problem) -> String? {
        let start = position
        guard take("{"), next != "}" else {
            position = start
            return nil
        }
        let least = digits()
        var most = least
        if take(",") { most = digits() } else if least.isEmpty { most = "?" }
        guard most != "?", take("}") else {
            position = start
            return nil
        }
        let (low, high) = (Int(least) ?? 0, Int(most))
        if let high, high < low { throw problem("the least number of repeats is above the most", at: start) }
        guard let high else { return "{\(low),}" }
        return "{\(low),\(high)}"
    }

    private mutating func item() throws(PythonPattern.Problem) -> (String, Last) {
        let start = position
        switch take() {
        case ".": return (flags.dotAll ? Self.any : #"[^\x{A}]"#, .item)
        case "^": return (flags.multiline ? #"(?:\A|(?<=\x{A}))"# : #"\A"#, .anchor)
        case "$": return (flags.multiline ? #"(?=\x{A}|\z)"# : #"(?=\x{A}?\z)"#, .anchor)
        case "[": return (try set(), .item)
        case "(": return (try group(start), .item)
        case "\\":
            switch try escape(inSet: false) {
            case .literal(let scalar): return (literal(scalar), .item)
            case .members(let members): return ("[\(members)]", .item)
            case .anchor(let text): return (text, .anchor)
            case .reference(let number):
                guard number <= groups else { throw problem("there is no group \(number) before this", at: start) }
                guard !open.contains(number) else { throw problem("group \(number) is still open here", at: start) }
                return ("(?:\\\(number))", .item)
            }
        case let scalar?: return (literal(scalar), .item)
        case nil: return ("", .nothing)
        }
    }

    /// One character. A letter that has cases is a set where case is ignored: as a literal it would be folded in full, and
    /// "ss" be found by "ß".
    func literal(_ scalar: Unicode.Scalar) -> String {
        let character = Self.character(scalar)
        guard flags.ignoreCase, scalar.properties.isCased else { return character }
        return "[\(character)\(Self.lettersI.contains(scalar) ? Self.allI : "")]"
    }

    /// To Python the four are one letter where case is ignored; to ICU the last two are letters of their own.
    static let lettersI: Set<Unicode.Scalar> = ["i", "I", "\u{130}", "\u{131}"]
    static let allI = #"iI\x{130}\x{131}"#

    /// One character as it may stand in a pattern and in a set.
    static func character(_ scalar: Unicode.Scalar) -> String {
        if scalar.isASCII, scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) { return String(scalar) }
        return "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
    }

    // MARK: - Groups

    private mutating func group(_ start: Int) throws(PythonPattern.Problem) -> String {
        guard take("?") else { return try capture(name: nil, start) }
        for (opening, text) in [("=", "(?="), ("!", "(?!"), ("<=", "(?<="), ("<!", "(?<!"), (">", "(?>"), (":", "(?:")]
        where take(opening) {
            return text + (try inner(start)) + ")"
        }
        if take("P=") { return try reference(until: ")", start) }
        if take("P<") || take("<") { return try capture(name: take(until: ">", "the name of a group"), start) }
        if take("(") {
            throw problem("a conditional group (?(...)...) is not supported; write the alternatives out", at: start)
        }
        return try flagged(start)
    }

    private mutating func inner(_ start: Int) throws(PythonPattern.Problem) -> String {
        let before = flags
        defer { flags = before }
        let text = try alternatives()
        guard take(")") else { throw problem("this group is not closed", at: start) }
        return text
    }

    private mutating func capture(name: String?, _ start: Int) throws(PythonPattern.Problem) -> String {
        groups += 1
        let number = groups
        if let name {
            guard let first = name.unicodeScalars.first, first == "_" || first.properties.isXIDStart,
                name.unicodeScalars.allSatisfy({ $0.properties.isXIDContinue })
            else { throw problem("'\(name)' is no name for a group", at: start) }
            guard names[name] == nil else { throw problem("two groups are called '\(name)'", at: start) }
            names[name] = number
        }
        open.insert(number)
        let text = try inner(start)
        open.remove(number)
        return "(" + text + ")"
    }

    private mutating func reference(
        until end: Unicode.Scalar, _ start: Int
    ) throws(PythonPattern.Problem) -> String {
        let name = try take(until: end, "the name of a group")
        guard let number = names[name] else { throw problem("there is no group '\(name)' before this", at: start) }
        guard !open.contains(number) else { throw problem("the group '\(name)' is still open here", at: start) }
        return "(?:\\\(number))"
    }

    /// `(?i:...)`, `(?s-i:...)`
    private mutating func flagged(_ start: Int) throws(PythonPattern.Problem) -> String {
        func isEnd(_ scalar: Unicode.Scalar?) -> Bool { scalar == ":" || scalar == ")" || scalar == nil }
        var (on, off) = ("", "")
        while !isEnd(next), next != "-", let scalar = take() { on.unicodeScalars.append(scalar) }
        if take("-") {
            while !isEnd(next), let scalar = take() { off.unicodeScalars.append(scalar) }
        }
        try check(on + off, at: start)
        guard take(":") else {
            throw problem("flags for the whole pattern stand at its start; for a part write (?\(on):...)", at: start)
        }
        let before = flags
        defer { flags = before }
        set(on, to: true, in: &flags)
        set(off, to: false, in: &flags)
        try refuseASCIICase(flags)
        let prefix =
            flags.ignoreCase == before.ignoreCase ? "(?:" : flags.ignoreCase ? "(?i:" : "(?-i:"
        return prefix + (try inner(start)) + ")"
    }

    private func check(_ letters: String, at start: Int) throws(PythonPattern.Problem) {
        for letter in letters where !"aimsux".contains(letter) {
            throw problem("'\(letter)' is no flag of a regular expression for text", at: start)
        }
    }

    private func set(_ letters: String, to value: Bool, in flags: inout Flags) {
        for letter in letters {
            switch letter {
            case "i": flags.ignoreCase = value
            case "m": flags.multiline = value
            case "s": flags.dotAll = value
            case "x": flags.verbose = value
            case "a": flags.ascii = value
            default: flags.ascii = false
            }
        }
    }

    private func refuseASCIICase(_ flags: Flags) throws(PythonPattern.Problem) {
        guard flags.ascii, flags.ignoreCase else { return }
        throw problem("the flags a and i are not supported together; leave a out")
    }

    // MARK: - References by number

    mutating func numbered(_ first: Unicode.Scalar) -> Int? {
        var text = String(first)
        if let second = next, ("0"..."9").contains(second) {
            text.unicodeScalars.append(second)
            position += 1
        }
        return Int(text)
    }

    mutating func named(_ start: Int) throws(PythonPattern.Problem) -> Int {
        guard take("<") else { throw problem("\\k needs a name in <>", at: start) }
        let name = try take(until: ">", "the name of a group")
        guard let number = names[name] else { throw problem("there is no group '\(name)' before this", at: start) }
        return number
    }
}
