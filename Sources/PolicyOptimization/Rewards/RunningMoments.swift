/// Mean and variance of all scores seen so far (Chan, Golub and LeVeque 1979), for scores whose scale is unknown
/// or moves. Part of the checkpoint.
package struct RunningMoments: Sendable, Equatable, Codable {
    package private(set) var count: Double = 0
    package private(set) var mean: Double = 0
    /// Sum of squared distances to the mean.
    package private(set) var squares: Double = 0

    package init() {}

    /// Adds the scores of one batch.
    package mutating func add(_ values: [Double]) {
        let values = values.filter(\.isFinite)
        guard !values.isEmpty else { return }
        let added = Double(values.count)
        let batchMean = values.reduce(0, +) / added
        let batchSquares = values.reduce(0) { $0 + ($1 - batchMean) * ($1 - batchMean) }
        let total = count + added
        let shift = batchMean - mean
        squares += batchSquares + shift * shift * count * added / total
        mean += shift * added / total
        count = total
    }

    package var deviation: Double { count > 1 ? (squares / (count - 1)).squareRoot() : 1 }

    /// In units of the deviation, from the mean.
    package func normalized(_ value: Double) -> Double { (value - mean) / (deviation + 1e-8) }
}
