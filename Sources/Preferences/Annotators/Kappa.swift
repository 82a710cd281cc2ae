/// Agreement of two raters on categories beyond chance (Cohen 1960).
package struct CohenKappa: Sendable, Equatable {
    /// Share of cases with the same category.
    package let observed: Double
    /// The share that raters with these habits would reach by chance.
    package let expected: Double
    package let cases: Int

    /// 1 is full agreement, 0 that of chance; nil when chance alone would agree always.
    package var value: Double? { expected < 1 ? (observed - expected) / (1 - expected) : nil }

    /// - Parameter pairs: the categories that the two raters gave to each case.
    /// - Returns: nil without cases.
    package init?(_ pairs: [(Verdict, Verdict)]) {
        guard !pairs.isEmpty else { return nil }
        let count = Double(pairs.count)
        var first: [Verdict: Double] = [:]
        var second: [Verdict: Double] = [:]
        for (a, b) in pairs {
            first[a, default: 0] += 1
            second[b, default: 0] += 1
        }
        observed = Double(pairs.count { $0.0 == $0.1 }) / count
        expected = Verdict.allCases.reduce(0) { $0 + first[$1, default: 0] * second[$1, default: 0] } / (count * count)
        cases = pairs.count
    }
}
