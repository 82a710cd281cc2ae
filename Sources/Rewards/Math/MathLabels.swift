package import Tokenizers

/// What the lines of a prompts file have in the column that a math reward compares answers with, so that a label that can
/// never be met is found before the run and not by its reward of 0.
package struct MathLabels: Sendable {
    private struct Lines {
        var count = 0
        var first: [Int] = []

        mutating func add(_ line: Int) {
            count += 1
            if first.count < 3 { first.append(line) }
        }

        /// "line 4", "lines 4, 9, 12 and 7 more".
        var words: String {
            let more = count > first.count ? " and \(count - first.count) more" : ""
            return (count == 1 ? "line " : "lines ") + first.map(String.init).joined(separator: ", ") + more
        }
    }

    private let name: String
    private let answerKey: String
    private var rows = 0
    private var without = Lines()
    private var unclear = Lines()

    package init(name: String, answerKey: String) {
        self.name = name
        self.answerKey = answerKey
    }

    /// - Parameters:
    ///   - extra: the columns of a row.
    ///   - line: of the file, from 1.
    package mutating func read(_ extra: JSONValue, line: Int) {
        rows += 1
        let results = MathReward.results(extra[answerKey] ?? .null)
        if results.isEmpty {
            without.add(line)
        } else if !results.contains(where: \.isResult) {
            unclear.add(line)
        }
    }

    /// - Parameter file: that was read, for the messages.
    /// - Returns: what is to be announced.
    /// - Throws: ``RewardError`` when no row has a label.
    package func findings(_ file: String) throws -> [String] {
        guard without.count < rows || rows == 0 else {
            throw RewardError(
                """
                reward \(name): no line of \(file) has a result in the column '\(answerKey)'; name the column that has it \
                (rewards: answer_key)
                """, isPermanent: true)
        }
        var findings: [String] = []
        if without.count > 0 {
            findings.append(
                """
                reward \(name): \(without.count) of \(rows) prompts have no result in the column '\(answerKey)', so that \
                their answers get no reward: \(file), \(without.words)
                """)
        }
        if unclear.count > 0 {
            findings.append(
                """
                reward \(name): \(unclear.count) of \(rows) labels in the column '\(answerKey)' are neither number, formula, \
                list nor a short word, so that only the same text is right: \(file), \(unclear.words)
                """)
        }
        return findings
    }
}
