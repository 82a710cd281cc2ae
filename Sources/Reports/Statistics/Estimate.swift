import Preferences

/// A mean and how far it can be trusted.
package struct Estimate: Codable, Sendable, Equatable {
    package var mean: Double
    /// The interval that covers the true value in 95 of 100 repetitions; nil where one prompt is too few to tell.
    package var low: Double?
    package var high: Double?
    /// What the mean is over: answers, prompts or pairs.
    package var count: Int

    package init(mean: Double, low: Double? = nil, high: Double? = nil, count: Int) {
        self.mean = mean
        self.low = low
        self.high = high
        self.count = count
    }

    /// Mean over all values; the interval is Student's, from the deviations of whole clusters, because answers to one
    /// prompt resemble one another (Miller 2024, "Adding error bars to evals", section 2.2). Values that are all 0 or 1
    /// are a share.
    ///
    /// - Parameter clusters: the values of each prompt; empty ones do not count.
    /// - Returns: nil without a value.
    package static func mean(_ clusters: [[Double]]) -> Estimate? {
        clusters.allSatisfy { $0.allSatisfy { $0 == 0 || $0 == 1 } } ? share(clusters) : ofAnyValues(clusters)
    }

    /// The same where 0 and 1 are values like any other: differences.
    package static func ofAnyValues(_ clusters: [[Double]]) -> Estimate? {
        guard let moments = Moments(clusters) else { return nil }
        guard let error = moments.error else { return Estimate(mean: moments.mean, count: moments.values) }
        let reach = StudentT.quantile975(degrees: moments.clusters - 1) * error
        return Estimate(
            mean: moments.mean, low: moments.mean - reach, high: moments.mean + reach, count: moments.values)
    }

    /// The mean of the second values less the mean of the first, both over all values as in ``mean(_:)``, with the interval of
    /// the paired difference: what a prompt adds to it is its values' deviations from both means (a ratio of sums over
    /// clusters, Cochran 1977, section 6.19, as for a mean).
    ///
    /// - Parameters: the values of each prompt, none without one.
    /// - Returns: `count` is the number of prompts.
    package static func difference(before: [[Double]], after: [[Double]]) -> Estimate? {
        guard let old = Moments(before), let new = Moments(after) else { return nil }
        let difference = new.mean - old.mean
        let clusters = min(before.count, after.count)
        guard clusters > 1 else { return Estimate(mean: difference, count: clusters) }
        let squares = zip(before, after).reduce(0.0) { sum, prompt in
            let first = prompt.0.reduce(0) { $0 + ($1 - old.mean) } / Double(old.values)
            let second = prompt.1.reduce(0) { $0 + ($1 - new.mean) } / Double(new.values)
            return sum + (second - first) * (second - first)
        }
        let error = (Double(clusters) / Double(clusters - 1) * squares).squareRoot()
        let reach = StudentT.quantile975(degrees: clusters - 1) * error
        return Estimate(mean: difference, low: difference - reach, high: difference + reach, count: clusters)
    }

    /// Mean over values from 0 to 1; the interval is Wilson's (1927), which stays within 0 and 1 and is not of width 0
    /// where all values are equal, for as many independent values as the deviations of the clusters are worth
    /// (Korn and Graubard 1998): not fewer than the clusters, not more than the values.
    ///
    /// - Parameter behind: independent values that the given ones were made from, where each stands for several.
    package static func share(_ clusters: [[Double]], behind: Int = 0) -> Estimate? {
        guard let moments = Moments(clusters) else { return nil }
        guard let error = moments.error else { return Estimate(mean: moments.mean, count: moments.values) }
        let spread = moments.mean * (1 - moments.mean)
        let worth = error > 0 ? spread / (error * error) : Double(moments.clusters)
        let interval = wilson(
            moments.mean, min(max(worth, Double(moments.clusters)), Double(max(moments.values, behind))))
        return Estimate(mean: moments.mean, low: interval.low, high: interval.high, count: moments.values)
    }

    /// A share of so many independent cases, of which only the mean is known.
    package static func share(_ mean: Double, of count: Int) -> Estimate {
        guard count > 1 else { return Estimate(mean: mean, count: count) }
        let interval = wilson(mean, Double(count))
        return Estimate(mean: mean, low: interval.low, high: interval.high, count: count)
    }

    private static func wilson(_ p: Double, _ n: Double) -> (low: Double, high: Double) {
        let z = StudentT.normal975
        let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        let reach = z / (1 + z * z / n) * max(0, p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        // At 0 and 1 the formula gives the bound itself but for its last bits.
        return (p == 0 ? 0 : max(0, centre - reach), p == 1 ? 1 : min(1, centre + reach))
    }
}

/// Mean of values in clusters, and the standard error of the mean over clusters.
private struct Moments {
    var mean: Double
    /// nil for fewer than two clusters.
    var error: Double?
    var values: Int
    var clusters: Int

    init?(_ all: [[Double]]) {
        let groups = all.filter { !$0.isEmpty }
        values = groups.reduce(0) { $0 + $1.count }
        clusters = groups.count
        guard values > 0 else { return nil }
        let mean = groups.reduce(0) { $0 + $1.reduce(0, +) } / Double(values)
        self.mean = mean
        guard clusters > 1 else { return }
        let squares = groups.reduce(0.0) { sum, group in
            let deviation = group.reduce(0) { $0 + ($1 - mean) }
            return sum + deviation * deviation
        }
        error = (Double(clusters) / Double(clusters - 1) * squares).squareRoot() / Double(values)
    }
}
