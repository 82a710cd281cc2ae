/// Reads the dialect of regular expressions that tokenizer.json uses (Oniguruma's default syntax), as far as published
/// tokenizers use it. Everything else is an error that quotes the pattern.
struct PatternParser {
    private let source: [Unicode.Scalar]
    private let pattern: String
    private var position = 0
    private var ignoreCase = false
    private var depth = 0

    static func parse(_ pattern: String) throws(TokenizerError) -> PatternNode {
        var parser = PatternParser(pattern)
        let node = try parser.alternatives()
        if parser.position < parser.source.count { throw parser.error("an unexpected ')'") }
        return node
    }

    private init(_ pattern: String) {
        self.pattern = pattern
        self.source = Array(pattern.unicodeScalars)
    }

    private func error(_ what: String) -> TokenizerError {
        TokenizerError(.unsupported, "pattern \(pattern.debugDescription): \(what) at character \(position)")
    }

    private var next: Unicode.Scalar? { position < source.count ? source[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        guard source.dropFirst(position).starts(with: scalars) else { return false }
        position += scalars.count
        return true
    }

    private mutating func alternatives() throws(TokenizerError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        if depth > 50 { throw error("groups nested deeper than 50") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(TokenizerError) -> PatternNode {
        var items: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let item = try atom()
            items.append(try repetition(of: item))
        }
        return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
    }

    private mutating func repetition(of atom: PatternNode) throws(TokenizerError) -> PatternNode {
        var node = atom
        while let scalar = next {
            var minimum = 0
            var maximum: Int?
            var isInterval = false
            switch scalar {
            case "*": position += 1
            case "+":
                position += 1
                minimum = 1
            case "?":
                position += 1
                maximum = 1
            case "{":
                guard let bounds = try interval() else { return node }
                (minimum, maximum) = bounds
                isInterval = true
            default: return node
            }
            var kind = PatternNode.Repetition.greedy
            if take("?") {
                kind = .lazy
            } else if !isInterval, take("+") {
                kind = .possessive
                guard case .set = node else { throw error("a possessive repetition of a group") }
            }
            if case .lookahead = node { throw error("a repeated assertion") }
            if case .lookbehind = node { throw error("a repeated assertion") }
            node = .repeated(node, minimum: minimum, maximum: maximum, kind)
        }
        return node
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`; a brace that starts none of these is a literal.
    private mutating func interval() throws(TokenizerError) -> (Int, Int?)? {
        let start = position
        position += 1
        let low = number()
        var high = low
        if take(",") { high = number() } else if low == nil { high = nil }
        let isOpen = position > 0 && source[position - 1] == ","
        guard take("}"), low != nil || high != nil else {
            position = start
            return nil
        }
        let minimum = low ?? 0
        if let high, high < minimum { throw error("a repetition with its bounds exchanged") }
        if minimum > 1000 || (high ?? 0) > 1000 { throw error("more than 1000 repetitions") }
        return (minimum, isOpen ? nil : high)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, let digit = Character(scalar).wholeNumberValue, scalar.isASCII {
            value = min((value ?? 0) * 10 + digit, 1_000_000)
            position += 1
        }
        return value
    }

    private mutating func atom() throws(TokenizerError) -> PatternNode {
        guard let scalar = next else { return .empty }
        switch scalar {
        case "(": return try group()
        case "[": return .set(try bracket())
        case ".":
            position += 1
            return .set(.complement(.scalar(10)))
        case "^":
            position += 1
            return .alternatives([
                .lookbehind(.complement(.union([])), negated: true), .lookbehind(.scalar(10), negated: false),
            ])
        case "$":
            position += 1
            return .alternatives([
                .lookahead(.complement(.union([])), negated: true), .lookahead(.scalar(10), negated: false),
            ])
        case "\\": return .set(try escape(inBracket: false))
        case "*", "+", "?": throw error("a repetition of nothing")
        default:
            position += 1
            return .set(literal(scalar.value))
        }
    }

    private func literal(_ value: UInt32) -> ScalarSet {
        ignoreCase ? ScalarSet.caseVariants(value) : .scalar(value)
    }

    private mutating func group() throws(TokenizerError) -> PatternNode {
        position += 1
        let outer = ignoreCase
        if take("?") {
            if take("=") { return try look(behind: false, negated: false) }
            if take("!") { return try look(behind: false, negated: true) }
            if take("<=") { return try look(behind: true, negated: false) }
            if take("<!") { return try look(behind: true, negated: true) }
            if take("i)") {
                // Holds to the end of the enclosing group.
                ignoreCase = true
                let rest = try alternatives()
                ignoreCase = outer
                return rest
            }
            if take("i:") {
                ignoreCase = true
            } else if take("-i:") {
                ignoreCase = false
            } else if !take(":") {
                throw error("this kind of group")
            }
        }
        let body = try alternatives()
        guard take(")") else { throw error("a group without its ')'") }
        ignoreCase = outer
        return body
    }

    private mutating func look(behind: Bool, negated: Bool) throws(TokenizerError) -> PatternNode {
        let body = try alternatives()
        guard take(")") else { throw error("a group without its ')'") }
        guard let set = Self.asSet(body) else { throw error("an assertion about more than one character") }
        return behind ? .lookbehind(set, negated: negated) : .lookahead(set, negated: negated)
    }

    private static func asSet(_ node: PatternNode) -> ScalarSet? {
        switch node {
        case .set(let set): return set
        case .alternatives(let branches):
            let sets = branches.compactMap(asSet)
            return sets.count == branches.count ? .union(sets) : nil
        default: return nil
        }
    }

    private mutating func bracket() throws(TokenizerError) -> ScalarSet {
        position += 1
        depth += 1
        defer { depth -= 1 }
        if depth > 50 { throw error("brackets nested deeper than 50") }
        let negated = take("^")
        var sets: [ScalarSet] = []
        var left: ScalarSet?
        var isFirst = true
        while true {
            guard let scalar = next else { throw error("a '[' without its ']'") }
            if scalar == "]", !isFirst {
                position += 1
                break
            }
            isFirst = false
            if take("&&") {
                let side = ScalarSet.union(sets)
                left = left.map { .intersection($0, side) } ?? side
                sets = []
                continue
            }
            if scalar == "[" {
                if source.dropFirst(position).starts(with: "[:".unicodeScalars) {
                    sets.append(try posixClass())
                } else {
                    sets.append(try bracket())
                }
                continue
            }
            sets.append(try bracketItem(scalar))
        }
        var result = ScalarSet.union(sets)
        if let left { result = .intersection(left, result) }
        return negated ? .complement(result) : result
    }

    private mutating func bracketItem(_ scalar: Unicode.Scalar) throws(TokenizerError) -> ScalarSet {
        let low: UInt32
        if scalar == "\\" {
            let set = try escape(inBracket: true)
            guard case .range(let value, _) = set else { return set }
            low = value
        } else {
            position += 1
            low = scalar.value
        }
        guard next == "-", position + 1 < source.count, source[position + 1] != "]" else { return literal(low) }
        position += 1
        guard let end = next else { throw error("a '[' without its ']'") }
        var high = end.value
        if end == "\\" {
            guard case .range(let value, _) = try escape(inBracket: true) else { throw error("a range up to a class") }
            high = value
        } else {
            position += 1
        }
        if high < low { throw error("a range with its bounds exchanged") }
        guard ignoreCase, high - low < 512 else { return .range(low, high) }
        return .union((low...high).map(ScalarSet.caseVariants))
    }

    private mutating func posixClass() throws(TokenizerError) -> ScalarSet {
        position += 2
        let negated = take("^")
        for (name, set) in Self.posixClasses where take("\(name):]") {
            return negated ? .complement(set) : set
        }
        throw error("this class")
    }

    private static let posixClasses: [(String, ScalarSet)] = [
        ("space", .space), ("digit", .categories(1 << 8)), ("word", .word), ("cntrl", .categories(1 << 25)),
        ("xdigit", .union([.range(0x30, 0x39), .range(0x41, 0x46), .range(0x61, 0x66)])),
    ]

    /// Outside brackets the reference counts the superscripts and fractions of Latin-1 as word characters too.
    private static let bareWord = ScalarSet.union([
        .word, .range(0xB2, 0xB3), .range(0xB9, 0xB9), .range(0xBC, 0xBE),
    ])

    /// After a backslash. A literal comes back as a range of one scalar, with its case, so that `\--z` works.
    private mutating func escape(inBracket: Bool) throws(TokenizerError) -> ScalarSet {
        position += 1
        guard let scalar = next else { throw error("a '\\' at the end") }
        position += 1
        switch scalar {
        case "s": return .space
        case "S": return .complement(.space)
        case "d": return .categories(1 << 8)
        case "D": return .complement(.categories(1 << 8))
        case "w": return inBracket ? .word : Self.bareWord
        case "W": return inBracket ? .complement(.word) : .complement(Self.bareWord)
        case "n": return .scalar(10)
        case "r": return .scalar(13)
        case "t": return .scalar(9)
        case "f": return .scalar(12)
        case "v": return .scalar(11)
        case "a": return .scalar(7)
        case "e": return .scalar(27)
        case "p", "P": return try property(negated: scalar == "P")
        case "x": return try code(digits: 2)
        case "u": return try code(digits: 4)
        default:
            if scalar.isASCII, Character(scalar).isLetter || Character(scalar).isNumber {
                throw error("the escape '\\\(scalar)'")
            }
            return inBracket ? .scalar(scalar.value) : literal(scalar.value)
        }
    }

    private mutating func code(digits: Int) throws(TokenizerError) -> ScalarSet {
        var text = ""
        if take("{") {
            while let scalar = next, scalar != "}" {
                text.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}") else { throw error("a code without its '}'") }
        } else {
            while text.utf8.count < digits, let scalar = next, Character(scalar).isHexDigit {
                text.unicodeScalars.append(scalar)
                position += 1
            }
        }
        guard let value = UInt32(text, radix: 16), Unicode.Scalar(value) != nil else {
            throw error("a code that is no character")
        }
        return .scalar(value)
    }

    private mutating func property(negated: Bool) throws(TokenizerError) -> ScalarSet {
        var name = ""
        guard take("{") else { throw error("a property without braces") }
        while let scalar = next, scalar != "}" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take("}") else { throw error("a property without its '}'") }
        var isNegated = negated
        if name.hasPrefix("^") {
            name.removeFirst()
            isNegated.toggle()
        }
        guard let mask = Category.mask(name) else { throw error("the property '\(name)'") }
        return isNegated ? .complement(.categories(mask)) : .categories(mask)
    }
}
