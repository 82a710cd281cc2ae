import Foundation

/// A result in one of its notations, compared by what it means.
///
/// Numbers, and formulas without roots and functions, are compared exactly, those with decimals to 6 of them; other
/// formulas in double precision at several places of their variables. A percentage equals its share and its number
/// alone. Equations and inequalities may have their sides exchanged, moved and multiplied. Tuples, intervals and matrices
/// agree element by element, the first two in their brackets too; sets, unions and bare lists in any order. Words agree
/// whatever their case and punctuation. Everything else agrees with the same text alone, spaces and typesetting aside.
struct MathResult {
    private enum Shape {
        case formula(MathFormula)
        case relation(MathRelation)
        /// Brackets are empty for a bare list.
        case list(open: String, [MathResult], close: String)
        case union([MathResult])
        case matrix(isDeterminant: Bool, [[MathResult]])
        case words([String])
        case text
    }

    /// Lists in lists.
    private static let deepest = 4
    /// A label with more words is no result.
    private static let (mostWords, mostLetters) = (4, 40)

    private let plain: MathNotation.Plain
    private let compact: String
    private let shape: Shape
    /// Of a formula with a name, the two as an equation.
    private let equation: MathRelation?

    init(_ raw: String) { self.init(raw, depth: 0) }

    private init(_ raw: String, depth: Int) {
        plain = MathNotation.plain(raw)
        let formula = MathFormula(plain.text)
        let text = formula == nil ? plain.text : MathNotation.unbracketed(plain.text)
        compact = MathNotation.compact(text)
        equation = formula != nil && plain.name != nil ? MathRelation(plain.whole) : nil
        shape =
            if depth < Self.deepest, let parts = Self.parts(plain.text, depth: depth + 1) {
                parts
            } else if let formula {
                .formula(formula)
            } else if let relation = MathRelation(plain.text) {
                .relation(relation)
            } else if let words = plain.words {
                .words(words)
            } else {
                .text
            }
    }

    /// The shapes that consist of results.
    private static func parts(_ text: String, depth: Int) -> Shape? {
        if let matrix = MathNotation.matrix(text) {
            return .matrix(
                isDeterminant: matrix.isDeterminant, matrix.rows.map { $0.map { MathResult($0, depth: depth) } })
        }
        if let parts = MathNotation.union(text) { return .union(parts.map { MathResult($0, depth: depth) }) }
        guard let list = MathNotation.list(text) else { return nil }
        var elements = list.elements.map { MathResult($0, depth: depth) }
        if list.open.isEmpty || list.open == "{" {
            // "1 ± 2" is two elements of a set.
            elements = elements.flatMap { element in
                if case .list("", let inner, _) = element.shape { inner } else { [element] }
            }
        }
        return .list(open: list.open, elements, close: list.close)
    }

    /// Whether a label is more than a text of which only the same text is right.
    var isResult: Bool {
        switch shape {
        case .formula, .relation: true
        case .list(_, let elements, _), .union(let elements): elements.allSatisfy(\.isResult)
        case .matrix(_, let rows): rows.joined().allSatisfy(\.isResult)
        case .words(let words):
            words.count <= Self.mostWords && words.reduce(0) { $0 + $1.count } <= Self.mostLetters
        case .text: false
        }
    }

    func equals(_ other: MathResult) -> Bool {
        if let name = plain.name, let otherName = other.plain.name, name != otherName,
            // "f(x) =" and "y =" may be the same.
            !name.contains("("), !otherName.contains("(")
        {
            return equation.map { own in other.equation.map { own.equals($0) } ?? false } ?? false
        }
        if let choice = plain.choice, let otherChoice = other.plain.choice, choice != otherChoice { return false }
        if isLetter(of: other) || other.isLetter(of: self) { return true }
        if compact == other.compact, !compact.isEmpty, plain.isPercentage == other.plain.isPercentage { return true }
        switch (shape, other.shape) {
        case (.formula(let a), .formula(let b)):
            if MathEquality.same(a, b) { return true }
            guard plain.isPercentage != other.plain.isPercentage else { return false }
            return plain.isPercentage ? MathEquality.same(a.hundredth, b) : MathEquality.same(a, b.hundredth)
        case (.relation(let a), .relation(let b)): return a.equals(b)
        case (.relation(let a), .formula): return other.equation.map { a.equals($0) } ?? false
        case (.formula, .relation(let b)): return equation.map { $0.equals(b) } ?? false
        case (.list(let open, let a, let close), .list(let otherOpen, let b, let otherClose)):
            let isSet = open.isEmpty || open == "{"
            if isSet, otherOpen.isEmpty || otherOpen == "{" { return Self.sameSet(a, b) }
            return open == otherOpen && close == otherClose && Self.same(a, b)
        case (.relation(let relation), .list(let open, let list, let close)),
            (.list(let open, let list, let close), .relation(let relation)):
            guard let interval = relation.interval, interval.open == open, interval.close == close else { return false }
            return list.count == 2 && zip(interval.bounds, list).allSatisfy { $1.isNumber($0) }
        case (.list("{", let a, _), _) where a.count == 1: return a[0].equals(other)
        case (_, .list("{", let b, _)) where b.count == 1: return equals(b[0])
        case (.union(let a), .union(let b)): return Self.sameSet(a, b)
        case (.matrix(let isDeterminant, let a), .matrix(let otherIsDeterminant, let b)):
            return isDeterminant == otherIsDeterminant && a.count == b.count
                && zip(a, b).allSatisfy { Self.same($0, $1) }
        case (.words(let a), _): return a == other.plain.words
        case (_, .words(let b)): return plain.words == b
        default: return false
        }
    }

    private func isNumber(_ formula: MathFormula) -> Bool {
        if case .formula(let own) = shape { MathEquality.same(own, formula) } else { false }
    }

    /// Whether this is "B" where the other is "(B) 12".
    private func isLetter(of other: MathResult) -> Bool {
        guard let choice = other.plain.choice, plain.choice == nil else { return false }
        return plain.words == [choice.lowercased()]
    }

    private static func same(_ a: [MathResult], _ b: [MathResult]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.equals($1) }
    }

    private static func sameSet(_ a: [MathResult], _ b: [MathResult]) -> Bool {
        guard a.count == b.count else { return false }
        var left = b
        return a.allSatisfy { element in
            guard let index = left.firstIndex(where: { $0.equals(element) }) else { return false }
            left.remove(at: index)
            return true
        }
    }
}
