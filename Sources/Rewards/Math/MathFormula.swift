import Foundation

/// A formula of one-letter variables, in LaTeX or plain notation, that can be computed.
struct MathFormula {
    indirect enum Node {
        case number(Double)
        case variable(Character)
        case sum(Node, Node)
        case product(Node, Node)
        case quotient(Node, Node)
        case power(Node, Node)
        case call(String, Node)
    }

    private let root: Node
    let variables: Set<Character>
    /// The digits, sign included, when it is a whole number and nothing else: those are compared exactly.
    let digits: String?

    /// nil when the text is no formula.
    init?(_ text: String) {
        var parser = MathParser(text)
        guard let root = parser.parse() else { return nil }
        self.root = root
        variables = parser.variables
        let compact = text.filter { !$0.isWhitespace }
        let body = compact.hasPrefix("-") || compact.hasPrefix("+") ? compact.dropFirst() : compact[...]
        guard !body.isEmpty, body.utf8.allSatisfy({ (48...57).contains($0) }) else {
            digits = nil
            return
        }
        let significant = body.drop { $0 == "0" }
        digits = significant.isEmpty ? "0" : (compact.hasPrefix("-") ? "-" : "") + significant
    }

    /// NaN where it has no real value.
    func value(_ variables: [Character: Double]) -> Double { Self.value(root, variables) }

    private static func value(_ node: Node, _ names: [Character: Double]) -> Double {
        switch node {
        case .number(let number): number
        case .variable(let name): names[name] ?? .nan
        case .sum(let a, let b): value(a, names) + value(b, names)
        case .product(let a, let b): value(a, names) * value(b, names)
        case .quotient(let a, let b): value(a, names) / value(b, names)
        case .power(let a, let b): power(value(a, names), value(b, names))
        case .call(let name, let argument): call(name, value(argument, names))
        }
    }

    /// Odd roots of negative numbers are real.
    private static func power(_ base: Double, _ exponent: Double) -> Double {
        let result = Foundation.pow(base, exponent)
        guard result.isNaN, base < 0, exponent != 0 else { return result }
        let degree = (1 / exponent).rounded()
        guard abs(1 / exponent - degree) < 1e-9, degree.truncatingRemainder(dividingBy: 2) != 0 else { return result }
        return -Foundation.pow(-base, exponent)
    }

    private static func call(_ name: String, _ x: Double) -> Double {
        switch name {
        case "sqrt": x.squareRoot()
        case "sin": sin(x)
        case "cos": cos(x)
        case "tan": tan(x)
        case "ln": log(x)
        case "log": log10(x)
        case "exp": exp(x)
        case "abs": abs(x)
        case "!": x >= 0 && x <= 170 && x == x.rounded() ? (1...max(1, Int(x))).reduce(1.0) { $0 * Double($1) } : .nan
        default: .nan
        }
    }
}
