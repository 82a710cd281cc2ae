/// Features by which style can be told from what is said: `style control` of the Chatbot Arena (Li et al. 2024).
///
/// Each is (left - right) / (left + right + 1) of a count, then standardised over all battles.
package enum StyleControl {
    package static let names = ["length", "headers", "lists", "bold"]

    /// The penalty that keeps a coefficient near 0 where the votes say little of it.
    package static let ridge = 0.5

    package static func difference(_ left: Double, _ right: Double) -> Double { (left - right) / (left + right + 1) }

    /// - Returns: a row for each battle, in the order of ``names``.
    package static func features(_ styles: [(left: StyleCounts, right: StyleCounts)]) -> [[Double]] {
        let counts: [KeyPath<StyleCounts, Double>] = [\.length, \.headers, \.lists, \.bold]
        let columns = counts.map { count in
            standardised(styles.map { difference($0.left[keyPath: count], $0.right[keyPath: count]) })
        }
        return styles.indices.map { row in columns.map { $0[row] } }
    }

    /// Mean 0 and standard deviation 1; a feature that never varies is 0.
    private static func standardised(_ values: [Double]) -> [Double] {
        let count = Double(max(1, values.count))
        let mean = values.reduce(0, +) / count
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        return values.map { deviation > 1e-12 ? ($0 - mean) / deviation : 0 }
    }
}

extension BattleTable {
    /// The same battles with the features of their answers' style.
    ///
    /// - Parameter votes: what the table was made from.
    /// - Returns: nil when some vote has neither texts nor counts.
    package func styled(_ votes: [Vote]) -> BattleTable? {
        var styles: [(left: StyleCounts, right: StyleCounts)] = []
        for origin in origins {
            guard let left = Self.style(votes[origin].left), let right = Self.style(votes[origin].right) else {
                return nil
            }
            styles.append((left, right))
        }
        guard !styles.isEmpty else { return nil }
        var table = self
        for (index, features) in StyleControl.features(styles).enumerated() { table.battles[index].features = features }
        return table
    }

    private static func style(_ answer: Answer) -> StyleCounts? {
        answer.style ?? (answer.text.isEmpty ? nil : StyleCounts(text: answer.text))
    }
}
