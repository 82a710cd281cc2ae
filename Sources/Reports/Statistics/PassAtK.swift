/// The probability that at least one of k answers is right.
package enum PassAtK {
    /// The unbiased estimate 1 - C(n-c, k) / C(n, k) of Chen et al. 2021, "Evaluating large language models trained on
    /// code", section 2.1, as a product that stays in range.
    ///
    /// - Returns: nil when fewer than k answers were made.
    package static func estimate(answers n: Int, right c: Int, k: Int) -> Double? {
        guard k >= 1, k <= n, (0...n).contains(c) else { return nil }
        guard n - c >= k else { return 1 }
        guard c > 0 else { return 0 }
        return 1 - ((n - c + 1)...n).reduce(1.0) { $0 * (1 - Double(k) / Double($1)) }
    }
}
