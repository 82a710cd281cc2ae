import Foundation

/// A formula of one-letter variables, in LaTeX or plain notation, that can be computed.
struct MathFormula {
    indirect enum Node {
        /// - Parameter digits: as written, where the value is exactly that; nil for a constant such as π.
        case number(Double, digits: String? = nil)
        case variable(Character)
        case sum(Node, Node)
        case product(Node, Node)
        case quotient(Node, Node)
        case power(Node, Node)
        case binomial(Node, Node)
        case call(String, Node)
    }

    let root: Node
    let variables: Set<Character>
    /// Whether one of its numbers may have been rounded, because it has digits after its decimal point.
    let hasDecimals: Bool

    /// nil when the text is no formula.
    init?(_ text: String) {
        var parser = MathParser(text)
        guard let root = parser.parse() else { return nil }
        self.init(root: root, variables: parser.variables, hasDecimals: parser.hasDecimals)
    }

    private init(root: Node, variables: Set<Character>, hasDecimals: Bool) {
        self.root = root
        self.variables = variables
        self.hasDecimals = hasDecimals
    }

    var hundredth: MathFormula {
        MathFormula(root: .quotient(root, .number(100)), variables: variables, hasDecimals: hasDecimals)
    }

    static func - (a: MathFormula, b: MathFormula) -> MathFormula {
        MathFormula(
            root: .sum(a.root, .product(.number(-1), b.root)), variables: a.variables.union(b.variables),
            hasDecimals: a.hasDecimals || b.hasDecimals)
    }

    /// The sign of a written infinity; nil for everything else, however large.
    var infinity: Int? {
        var (node, sign) = (root, 1)
        while case .product(.number(-1, _), let inner) = node { (node, sign) = (inner, -sign) }
        guard case .number(.infinity, _) = node else { return nil }
        return sign
    }

    /// NaN where it has no real value, or none that a double holds.
    func value(_ variables: [Character: Double]) -> Double { Self.value(root, variables) }

    private static func value(_ node: Node, _ names: [Character: Double]) -> Double {
        switch node {
        case .number(let number, _): return number
        case .variable(let name): return names[name] ?? .nan
        case .sum(let a, let b): return finite(value(a, names) + value(b, names))
        case .product(let a, let b):
            let (x, y) = (value(a, names), value(b, names))
            // The only infinity that goes on is a written one with its sign.
            return abs(x) == 1 ? x * y : kept(x * y, isZero: x == 0 || y == 0)
        case .quotient(let a, let b):
            let (x, y) = (value(a, names), value(b, names))
            return y.isFinite ? kept(x / y, isZero: x == 0) : .nan
        case .power(let a, let b):
            let (x, y) = (value(a, names), value(b, names))
            return y.isFinite ? kept(power(x, y), isZero: x == 0) : .nan
        case .binomial(let a, let b): return binomial(value(a, names), value(b, names))
        case .call(let name, let argument):
            let x = value(argument, names)
            return x.isFinite ? finite(call(name, x)) : .nan
        }
    }

    private static func finite(_ value: Double) -> Double { value.isFinite ? value : .nan }

    /// What became 0 because it was too small is no value.
    private static func kept(_ value: Double, isZero: Bool) -> Double {
        value.isFinite && (value != 0 || isZero) ? value : .nan
    }

    /// Odd roots of negative numbers are real.
    private static func power(_ base: Double, _ exponent: Double) -> Double {
        let result = Foundation.pow(base, exponent)
        guard result.isNaN, base < 0, exponent != 0 else { return result }
        let degree = (1 / exponent).rounded()
        guard abs(1 / exponent - degree) < 1e-9, degree.truncatingRemainder(dividingBy: 2) != 0 else { return result }
        return -Foundation.pow(-base, exponent)
    }

    /// n (n - 1) ... (n - k + 1) / k!, for any n.
    private static func binomial(_ n: Double, _ k: Double) -> Double {
        guard n.isFinite, k >= 0, k <= 1000, k == k.rounded() else { return .nan }
        var result = 1.0
        for step in 0..<Int(k) { result *= (n - Double(step)) / Double(step + 1) }
        return finite(result)
    }

    private static func call(_ name: String, _ x: Double) -> Double {
        switch name {
        case "sqrt": x.squareRoot()
        case "sin": sin(x)
        case "cos": cos(x)
        case "tan": tan(x)
        case "arcsin": asin(x)
        case "arccos": acos(x)
        case "arctan": atan(x)
        case "ln": log(x)
        case "log": log10(x)
        case "exp": kept(exp(x), isZero: false)
        case "abs": abs(x)
        case "!": x >= 0 && x <= 170 && x == x.rounded() ? (1...max(1, Int(x))).reduce(1.0) { $0 * Double($1) } : .nan
        default: .nan
        }
    }
}
