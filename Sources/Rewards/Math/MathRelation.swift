/// An equation or inequality of formulas, or a chain of them such as 1 < x < 3.
struct MathRelation {
    private static let signs: [Character] = ["=", "≠", "<", ">", "≤", "≥"]
    private static let reversed: [Character: Character] = ["<": ">", ">": "<", "≤": "≥", "≥": "≤"]

    private let sides: [MathFormula]
    private let signs: [Character]

    /// - Parameter text: as ``MathNotation`` leaves it; nil when it is no relation of formulas.
    init?(_ text: String) {
        let signs = text.filter { Self.signs.contains($0) }
        guard (1...4).contains(signs.count) else { return nil }
        let sides = text.split(omittingEmptySubsequences: false) { Self.signs.contains($0) }
            .compactMap { MathFormula(String($0)) }
        guard sides.count == signs.count + 1 else { return nil }
        self.sides = sides
        self.signs = Array(signs)
    }

    /// The interval that a variable is in, of "1 < x ≤ 3" or "x < 3": its brackets and bounds.
    var interval: (open: String, bounds: [MathFormula], close: String)? {
        var (sides, signs) = (sides, signs)
        if signs.allSatisfy({ $0 == ">" || $0 == "≥" }) {
            (sides, signs) = (sides.reversed(), signs.reversed().map { Self.reversed[$0] ?? $0 })
        }
        guard signs.allSatisfy({ $0 == "<" || $0 == "≤" }), let infinite = MathFormula(#"\infty"#),
            let negative = MathFormula(#"-\infty"#)
        else { return nil }
        if sides.count == 2 {
            if case .variable = sides[0].root {
                (sides, signs) = ([negative] + sides, ["<"] + signs)
            } else {
                (sides, signs) = (sides + [infinite], signs + ["<"])
            }
        }
        guard sides.count == 3, case .variable = sides[1].root, sides[0].variables.isEmpty, sides[2].variables.isEmpty
        else { return nil }
        return (signs[0] == "<" ? "(" : "[", [sides[0], sides[2]], signs[1] == "<" ? ")" : "]")
    }

    /// Whether they say the same: sides may be exchanged, and both sides of an equation or inequality moved and multiplied
    /// by a number.
    func equals(_ other: MathRelation) -> Bool {
        guard signs.count == other.signs.count else { return false }
        if zip(sides, other.sides).allSatisfy(MathEquality.same), signs == other.signs { return true }
        let back = signs.reversed().map { Self.reversed[$0] ?? $0 }
        if zip(sides.reversed(), other.sides).allSatisfy(MathEquality.same), back == other.signs { return true }
        guard signs.count == 1, let factor = MathEquality.factor(sides[0] - sides[1], other.sides[0] - other.sides[1])
        else { return false }
        return (factor < 0 ? back : signs) == other.signs
    }
}
