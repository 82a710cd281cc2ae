/// Agreement of any number of raters with missing values beyond chance (Krippendorff 2011, "Computing Krippendorff's
/// alpha-reliability").
package enum KrippendorffAlpha {
    /// How far apart two values are.
    package enum Scale: String, Sendable, CaseIterable {
        /// Equal or not.
        case nominal
        /// By how many values lie between.
        case ordinal
        /// By the square of their difference.
        case interval
    }

    /// - Parameter units: the values that each unit was given; units with fewer than two tell nothing.
    /// - Returns: nil when no unit has two values, or all values are the same, so that chance cannot disagree.
    package static func alpha(_ units: [[Double]], _ scale: Scale) -> Double? {
        let paired = units.filter { $0.count > 1 }
        let values = Set(paired.joined()).sorted()
        let places = Dictionary(uniqueKeysWithValues: values.enumerated().map { ($1, $0) })
        guard values.count > 1 else { return nil }
        // Values of a unit with m of them count 1 / (m - 1) for each pair.
        var coincidences = SquareMatrix(order: values.count)
        for unit in paired {
            var counts: [Int: Double] = [:]
            for value in unit { if let place = places[value] { counts[place, default: 0] += 1 } }
            for (a, count) in counts {
                for (b, other) in counts {
                    coincidences[a, b] += count * (other - (a == b ? 1 : 0)) / Double(unit.count - 1)
                }
            }
        }
        let marginals = values.indices.map { row in values.indices.reduce(0) { $0 + coincidences[row, $1] } }
        let total = marginals.reduce(0, +)
        var (observed, expected) = (0.0, 0.0)
        for a in values.indices {
            for b in values.indices where a != b {
                let apart = distance(a, b, values, marginals, scale)
                observed += coincidences[a, b] * apart
                expected += marginals[a] * marginals[b] * apart
            }
        }
        return expected > 0 ? 1 - (total - 1) * observed / expected : nil
    }

    private static func distance(
        _ a: Int, _ b: Int, _ values: [Double], _ marginals: [Double], _ scale: Scale
    ) -> Double {
        switch scale {
        case .nominal: return 1
        case .interval: return (values[a] - values[b]) * (values[a] - values[b])
        case .ordinal:
            let between = marginals[min(a, b)...max(a, b)].reduce(0, +)
            let steps = between - (marginals[a] + marginals[b]) / 2
            return steps * steps
        }
    }
}
