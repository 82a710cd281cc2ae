/// Recursive descent over the letters of a formula:
///
///     sum     = ["+" | "-"] product (("+" | "-") product)*
///     product = factor (("*" | "/" | nothing) factor)*
///     factor  = atom ["!"] ["^" (atom | "-" atom)]
///     atom    = number | variable | \frac | \binom | \sqrt | function atom | "(" sum ")" | "|" sum "|"
///
/// Variables are letters, Latin or Greek; letters side by side are a product.
struct MathParser {
    private static let deepest = 60
    private static let longest = 2000
    /// Each letter is read once, so that a formula has no more parts than letters; whatever else happens ends here.
    private static let mostSteps = 4 * longest
    private static let functions: Set = [
        "sin", "cos", "tan", "arcsin", "arccos", "arctan", "ln", "log", "exp", "sqrt",
    ]

    private let letters: [Character]
    private var index = 0
    private var depth = 0
    /// Parts that were begun.
    private(set) var steps = 0
    private(set) var variables: Set<Character> = []
    /// Whether a number has digits after its decimal point, as rounded ones have.
    private(set) var hasDecimals = false
    /// How many letters side by side may be a product; more are a word.
    private let longestProduct: Int

    init(_ text: String) {
        letters = Array(text.prefix(Self.longest + 1))
        // Where nothing else is mathematical, "ab" is a product, and "Yes" is a word.
        let isFormula = letters.contains { $0.isASCIIDigit || "+-*/^=\\".contains($0) }
        longestProduct = isFormula ? 4 : letters.contains(where: \.isUppercase) ? 1 : 3
    }

    /// nil unless the whole text is one formula.
    mutating func parse() -> MathFormula.Node? {
        guard !letters.isEmpty, letters.count <= Self.longest, let node = sum() else { return nil }
        skipSpaces()
        return index == letters.count ? node : nil
    }

    private mutating func sum() -> MathFormula.Node? {
        guard depth < Self.deepest else { return nil }
        depth += 1
        defer { depth -= 1 }
        var isNegative = take("-")
        if !isNegative { _ = take("+") }
        guard var node = product() else { return nil }
        if isNegative { node = .product(.number(-1), node) }
        while true {
            isNegative = take("-")
            guard isNegative || take("+") else { return node }
            guard let next = product() else { return nil }
            node = .sum(node, isNegative ? .product(.number(-1), next) : next)
        }
    }

    private mutating func product() -> MathFormula.Node? {
        guard var node = factor() else { return nil }
        var isWhole = lastWasWhole
        while true {
            if take("*") {
                guard let next = factor() else { return nil }
                node = .product(node, next)
            } else if take("/") {
                guard let next = factor() else { return nil }
                node = .quotient(node, next)
            } else if startsAtom {
                // "1\frac{1}{2}" and "1 1/2" are one and a half, "2x" is a product.
                if isWhole, letters[index...].starts(with: #"\frac"#) {
                    guard let part = atom() else { return nil }
                    if case .quotient(.number, .number) = part {
                        node = .sum(node, part)
                    } else {
                        guard let next = factor(part) else { return nil }
                        node = .product(node, next)
                    }
                } else if isWhole, peek?.isASCIIDigit == true {
                    // Two numbers side by side are no product.
                    guard let part = properFraction() else { return nil }
                    node = .sum(node, part)
                } else {
                    guard let next = factor() else { return nil }
                    node = .product(node, next)
                }
            } else {
                return node
            }
            isWhole = false
        }
    }

    /// Whether the last factor was a whole number and nothing else.
    private var lastWasWhole = false

    private mutating func factor() -> MathFormula.Node? { atom().flatMap { factor($0) } }

    /// - Parameter atom: what the factor begins with.
    private mutating func factor(_ atom: MathFormula.Node) -> MathFormula.Node? {
        var node = atom
        while take("!") {
            node = .call("!", node)
            lastWasWhole = false
        }
        guard take("^") else { return node }
        let isNegative = take("-")
        guard var exponent = group() else { return nil }
        if isNegative { exponent = .product(.number(-1), exponent) }
        lastWasWhole = false
        return .power(node, exponent)
    }

    private mutating func atom() -> MathFormula.Node? {
        skipSpaces()
        lastWasWhole = false
        steps += 1
        guard let letter = peek, depth < Self.deepest, steps < Self.mostSteps else { return nil }
        if letter.isASCIIDigit || letter == "." { return number() }
        if letter == "(" || letter == "{" || letter == "[" {
            return bracketed(close: letter == "(" ? ")" : letter == "{" ? "}" : "]")
        }
        if letter == "|" {
            index += 1
            guard let inside = sum(), take("|") else { return nil }
            return .call("abs", inside)
        }
        if letter == "\\" { return command() }
        guard letter.isASCII, letter.isLetter else { return nil }
        let word = letters[index...].prefix { $0.isASCII && $0.isLetter }
        if word.count > 1 {
            let name = String(word).lowercased()
            if name == "pi" || Self.functions.contains(name) {
                index += word.count
                return name == "pi" ? .number(.pi) : group().map { .call(name, $0) }
            }
            guard word.count <= longestProduct else { return nil }
        }
        index += 1
        if letter == "e" { return .number(2.718_281_828_459_045) }
        variables.insert(letter)
        return .variable(letter)
    }

    private mutating func bracketed(close: Character) -> MathFormula.Node? {
        index += 1
        guard let inside = sum(), take(close) else { return nil }
        lastWasWhole = false
        return inside
    }

    private mutating func number() -> MathFormula.Node? {
        let start = index
        while let letter = peek, letter.isASCIIDigit { index += 1 }
        var isWhole = true
        if peek == ".", index > start || (index + 1 < letters.count && letters[index + 1].isASCIIDigit) {
            isWhole = false
            index += 1
            while let letter = peek, letter.isASCIIDigit { index += 1 }
        }
        // 1e5, 2.5E-3; "2e" is twice Euler's number.
        if peek == "e" || peek == "E" {
            var end = index + 1
            if end < letters.count, "+-".contains(letters[end]) { end += 1 }
            if end < letters.count, letters[end].isASCIIDigit {
                index = end
                while let letter = peek, letter.isASCIIDigit { index += 1 }
                isWhole = false
            }
        }
        let digits = String(letters[start..<index])
        guard let value = Double(digits) else { return nil }
        lastWasWhole = isWhole
        if let point = digits.firstIndex(of: ".") {
            hasDecimals =
                hasDecimals || digits[point...].prefix { !"eE".contains($0) }.contains { "123456789".contains($0) }
        }
        return .number(value.isFinite ? value : .nan, digits: digits)
    }

    private mutating func command() -> MathFormula.Node? {
        index += 1
        let name = String(letters[index...].prefix { $0.isASCII && $0.isLetter })
        index += name.count
        switch name {
        case "pi": return .number(.pi)
        case "infty": return .number(.infinity)
        case "frac":
            guard let top = digitOrGroup(), let bottom = digitOrGroup() else { return nil }
            return .quotient(top, bottom)
        case "binom", "dbinom", "tbinom":
            guard let top = digitOrGroup(), let bottom = digitOrGroup() else { return nil }
            return .binomial(top, bottom)
        case "log" where take("_"):
            guard let base = digitOrGroup(), let argument = group() else { return nil }
            return .quotient(.call("ln", argument), .call("ln", base))
        case "sqrt":
            guard take("[") else { return digitOrGroup().map { .call("sqrt", $0) } }
            guard let degree = sum(), take("]"), let inside = digitOrGroup() else { return nil }
            return .power(inside, .quotient(.number(1), degree))
        case _ where Self.functions.contains(name): return group().map { .call(name, $0) }
        default:
            guard let letter = Self.greek[name] else { return nil }
            variables.insert(letter)
            return .variable(letter)
        }
    }

    private static let greek: [String: Character] = [
        "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ",
        "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ",
        "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
        "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ",
        "Omega": "Ω", "ell": "ℓ",
    ]

    /// Of `\frac12`, each digit is an argument.
    private mutating func digitOrGroup() -> MathFormula.Node? {
        skipSpaces()
        guard let digit = peek, digit.isASCIIDigit, let value = digit.wholeNumberValue else { return group() }
        index += 1
        lastWasWhole = false
        return .number(Double(value))
    }

    private mutating func group() -> MathFormula.Node? {
        guard depth < Self.deepest else { return nil }
        depth += 1
        defer { depth -= 1 }
        let node = atom()
        lastWasWhole = false
        return node
    }

    private mutating func properFraction() -> MathFormula.Node? {
        guard index > 0, letters[index - 1] == " ", let top = number(), lastWasWhole, take("/"), let bottom = number(),
            lastWasWhole
        else { return nil }
        return .quotient(top, bottom)
    }

    private var startsAtom: Bool {
        mutating get {
            skipSpaces()
            guard let letter = peek else { return false }
            return letter.isASCIIDigit || "({\\.".contains(letter) || (letter.isASCII && letter.isLetter)
        }
    }

    private var peek: Character? { index < letters.count ? letters[index] : nil }

    private mutating func take(_ letter: Character) -> Bool {
        skipSpaces()
        guard peek == letter else { return false }
        index += 1
        return true
    }

    private mutating func skipSpaces() {
        while let letter = peek, letter.isWhitespace { index += 1 }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
