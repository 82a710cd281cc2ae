import Foundation

/// A result in one of its notations, compared by what it means.
///
/// Numbers agree when they are the same to 6 decimals; whole numbers when they have the same digits. A percentage equals
/// its share and its number alone. Formulas agree when they have the same values at five places of their variables.
/// Tuples and intervals agree element by element and in their brackets; sets and bare lists in any order. What is no
/// formula agrees as a word, whatever its case.
struct MathResult {
    private enum Shape {
        case formula(MathFormula)
        /// Brackets are empty for a bare list.
        case list(open: String, [MathResult], close: String)
        case word(String)
    }

    private static let places = [0.7312, 1.4173, 2.3391, 0.3127, 3.6718]
    /// Lists in lists.
    private static let deepest = 4

    private let text: String
    private let isPercentage: Bool
    private let shape: Shape

    init(_ raw: String) { self.init(raw, depth: 0) }

    private init(_ raw: String, depth: Int) {
        let (text, isPercentage) = MathNotation.plain(raw)
        self.text = text
        self.isPercentage = isPercentage
        if depth < Self.deepest, let list = MathNotation.list(text) {
            shape = .list(
                open: list.open, list.elements.map { MathResult($0, depth: depth + 1) }, close: list.close)
        } else if let formula = MathFormula(text) {
            shape = .formula(formula)
        } else {
            shape = .word(MathNotation.word(raw))
        }
    }

    func equals(_ other: MathResult) -> Bool {
        switch (shape, other.shape) {
        case (.formula(let a), .formula(let b)):
            if !isPercentage, !other.isPercentage { return Self.agree(a, b, scale: 1) }
            let scales = isPercentage == other.isPercentage ? [1.0] : isPercentage ? [1, 0.01] : [1, 100]
            return scales.contains { Self.agree(a, b, scale: $0) }
        case (.list(let open, let a, let close), .list(let otherOpen, let b, let otherClose)):
            guard a.count == b.count, open == otherOpen, close == otherClose else { return false }
            return open.isEmpty || open == "{" ? Self.sameSet(a, b) : zip(a, b).allSatisfy { $0.equals($1) }
        case (.word(let a), .word(let b)): return a == b
        default: return text == other.text
        }
    }

    private static func sameSet(_ a: [MathResult], _ b: [MathResult]) -> Bool {
        var left = b
        return a.allSatisfy { element in
            guard let index = left.firstIndex(where: { $0.equals(element) }) else { return false }
            left.remove(at: index)
            return true
        }
    }

    /// - Parameter scale: of the first.
    private static func agree(_ a: MathFormula, _ b: MathFormula, scale: Double) -> Bool {
        if let first = a.digits, let second = b.digits, scale == 1 { return first == second }
        let variables = a.variables.union(b.variables).sorted()
        guard a.variables == b.variables || !variables.isEmpty else { return false }
        for (index, place) in places.enumerated() {
            var values: [Character: Double] = [:]
            for (offset, name) in variables.enumerated() { values[name] = place + 0.5177 * Double(offset + index) }
            let (x, y) = (a.value(values) * scale, b.value(values))
            // Both may have no real value at the same place.
            if x.isNaN, y.isNaN, !variables.isEmpty { continue }
            guard isSame(x, y) else { return false }
            if variables.isEmpty { break }
        }
        return true
    }

    private static func isSame(_ x: Double, _ y: Double) -> Bool {
        if x == y { return true }
        guard x.isFinite, y.isFinite else { return false }
        let (difference, size) = (abs(x - y), max(abs(x), abs(y)))
        return difference <= 1e-9 * size || (difference < 5e-7 && difference <= 1e-5 * size)
    }
}
