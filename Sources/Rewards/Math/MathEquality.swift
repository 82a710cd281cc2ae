/// Whether formulas have the same value: exactly where both can be computed exactly, else in double precision at some
/// places of their variables.
enum MathEquality {
    /// Of each variable, times a factor of its own. Both signs, small and large: not every formula is real everywhere.
    private static let places = [0.7312, 1.4173, 2.3391, 0.3127, 3.6718, -0.4391, -1.8319, 23.717, -31.273, 0.0571]

    static func same(_ a: MathFormula, _ b: MathFormula) -> Bool {
        // However large, a number is not infinite.
        if a.infinity != nil || b.infinity != nil { return a.infinity == b.infinity }
        let (isExact, isEqual) = exact(a, b)
        if isEqual { return true }
        if isExact, !a.hasDecimals, !b.hasDecimals { return false }
        let values = values(a, b)
        // Roots and functions are computed with an error; decimals were rounded by whoever wrote them.
        return !values.isEmpty && values.allSatisfy { isClose($0, $1, relative: isExact ? 0 : 1e-9) }
    }

    /// The constant k for which a = k b, or its sign at least; nil when a is no multiple of b.
    static func factor(_ a: MathFormula, _ b: MathFormula) -> Double? {
        guard !a.variables.isEmpty, a.variables == b.variables else { return nil }
        let ratios = values(a, b).compactMap { $1 == 0 || $0 == 0 ? nil : $0 / $1 }
        if let x = residues(a), let y = residues(b) {
            if MathResidues.areProportional(x, y) { return ratios.first ?? 1 }
            if !a.hasDecimals, !b.hasDecimals { return nil }
        }
        guard ratios.count > 1, ratios.allSatisfy({ isClose($0, ratios[0], relative: 1e-7) }) else { return nil }
        return ratios[0]
    }

    /// At two places, where they are not 0.
    private static func residues(_ formula: MathFormula) -> [[UInt64]]? {
        let values = (0...1).compactMap { MathResidues.of(formula, place: $0) }
        return values.count == 2 && values.allSatisfy({ $0.contains { $0 != 0 } }) ? values : nil
    }

    private static func exact(_ a: MathFormula, _ b: MathFormula) -> (isExact: Bool, isEqual: Bool) {
        let places = a.variables.isEmpty && b.variables.isEmpty ? 0...0 : 0...1
        for place in places {
            guard let x = MathResidues.of(a, place: place), let y = MathResidues.of(b, place: place) else {
                return (false, false)
            }
            guard x == y else { return (true, false) }
        }
        return (true, true)
    }

    /// Where both are real. Empty when that is hardly anywhere.
    private static func values(_ a: MathFormula, _ b: MathFormula) -> [(Double, Double)] {
        let variables = a.variables.union(b.variables).sorted()
        guard !variables.isEmpty else { return [(a.value([:]), b.value([:]))] }
        var pairs: [(Double, Double)] = []
        for place in places {
            var values: [Character: Double] = [:]
            for (offset, name) in variables.enumerated() { values[name] = place * (1 + 0.3717 * Double(offset)) }
            let (x, y) = (a.value(values), b.value(values))
            if x.isFinite, y.isFinite { pairs.append((x, y)) }
        }
        return pairs.count > 1 ? pairs : []
    }

    private static func isClose(_ x: Double, _ y: Double, relative: Double) -> Bool {
        guard x.isFinite, y.isFinite else { return false }
        let (difference, size) = (abs(x - y), max(abs(x), abs(y)))
        // Beyond that a double has no decimals.
        if relative == 0, size > 1e15 { return false }
        return difference <= relative * size || (difference < 5e-7 && difference <= 1e-5 * size)
    }
}
