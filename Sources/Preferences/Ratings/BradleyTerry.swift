import Foundation

/// Ratings by maximum likelihood under P(i beats j) = sigma(s_i - s_j) (Bradley and Terry 1952), for soft votes and with
/// covariates too. Ties count as half a win for each side.
package struct BradleyTerry: Sendable {
    /// Items that were rated together; the indices are those of the table.
    package let items: [Int]
    /// On the natural scale; their mean is 0.
    package let ratings: [Double]
    /// Of ratings, then coefficients, by the sandwich formula over clusters (Huber 1967; Liang and Zeger 1986), times
    /// G / (G - 1) for G clusters; nil with one cluster, which tells nothing of the spread.
    package let covariance: SquareMatrix?
    /// The same if every battle were independent and the model right: the inverse of the information.
    package let modelCovariance: SquareMatrix
    /// Of the covariates, left less right.
    package let coefficients: [Double]
    package let logLikelihood: Double
    package let clusters: Int
    package let battles: Int

    /// Items that are rated together at most: the matrices are dense.
    package static let mostItems = 1000

    /// Rates the items of one strongly connected set from the battles among them.
    ///
    /// - Parameters:
    ///   - covariates: number of features of every battle that are used.
    ///   - ridge: penalty of half of this times the square of each coefficient.
    /// - Returns: nil when the likelihood has no maximum, or for more than ``mostItems``.
    package init?(_ table: BattleTable, among items: [Int], covariates: Int = 0, ridge: Double = 0) {
        guard (2...Self.mostItems).contains(items.count) else { return nil }
        var places = [Int?](repeating: nil, count: table.items.count)
        for (place, item) in items.enumerated() { places[item] = place }
        var rows: [PairedLogit.Row] = []
        var clusters: [Int] = []
        for battle in table.battles where battle.weight > 0 {
            guard let left = places[battle.left], let right = places[battle.right], left != right else { continue }
            guard battle.features.count >= covariates else { return nil }
            rows.append(
                PairedLogit.Row(
                    left: left, right: right, score: battle.score, weight: battle.weight,
                    features: Array(battle.features.prefix(covariates))))
            clusters.append(battle.cluster)
        }
        let model = PairedLogit(
            items: items.count, covariates: covariates, rows: covariates == 0 ? Self.summed(rows, items.count) : rows,
            ridge: ridge)
        guard let maximum = model.maximum() else { return nil }
        self.items = items
        ratings = Array(maximum.parameters[..<items.count])
        coefficients = Array(maximum.parameters[items.count...])
        modelCovariance = maximum.inverse
        logLikelihood = maximum.logLikelihood
        battles = rows.count
        let sandwich = Sandwich(rows: rows, clusters: clusters, items: items.count, parameters: maximum.parameters)
        self.clusters = sandwich.clusters
        covariance = sandwich.covariance(inverse: maximum.inverse)
    }

    /// Battles of the same two items as one: the likelihood has no more to say than their sum.
    private static func summed(_ rows: [PairedLogit.Row], _ count: Int) -> [PairedLogit.Row] {
        var sums: [Int: (weight: Double, score: Double)] = [:]
        for row in rows {
            let isOrdered = row.left < row.right
            let key = isOrdered ? row.left * count + row.right : row.right * count + row.left
            let score = isOrdered ? row.score : 1 - row.score
            let sum = sums[key] ?? (0, 0)
            sums[key] = (sum.weight + row.weight, sum.score + row.weight * score)
        }
        return sums.keys.sorted().compactMap { key in
            sums[key].map { sum in
                PairedLogit.Row(
                    left: key / count, right: key % count, score: sum.score / sum.weight, weight: sum.weight)
            }
        }
    }

    /// Standard errors of the ratings; nil with one cluster.
    package var errors: [Double]? {
        covariance.map { matrix in ratings.indices.map { max(0, matrix[$0, $0]).squareRoot() } }
    }

    /// Of the difference between two ratings, by their places in ``items``.
    package func differenceError(_ a: Int, _ b: Int) -> Double? {
        covariance.map { max(0, $0[a, a] + $0[b, b] - 2 * $0[a, b]).squareRoot() }
    }

    /// Half the width of the interval of 95 % in standard errors: Student's, since the clusters are counted.
    package var reach: Double { StudentT.quantile975(degrees: clusters - 1) }
}

/// The spread of the gradient over clusters.
private struct Sandwich {
    private var meat: SquareMatrix
    let clusters: Int

    init(rows: [PairedLogit.Row], clusters names: [Int], items: Int, parameters: [Double]) {
        meat = SquareMatrix(order: parameters.count)
        var score = [Double](repeating: 0, count: parameters.count)
        var touched: Set<Int> = []
        let order = names.indices.sorted { names[$0] < names[$1] }
        var count = 0
        for (position, index) in order.enumerated() {
            let row = rows[index]
            var z = parameters[row.left] - parameters[row.right]
            for (offset, x) in row.features.enumerated() { z += parameters[items + offset] * x }
            let slope = row.weight * (row.score - Logistic.sigma(z))
            score[row.left] += slope
            score[row.right] -= slope
            touched.insert(row.left)
            touched.insert(row.right)
            for (offset, x) in row.features.enumerated() {
                score[items + offset] += slope * x
                touched.insert(items + offset)
            }
            guard position + 1 == order.count || names[order[position + 1]] != names[index] else { continue }
            count += 1
            for a in touched { for b in touched { meat[a, b] += score[a] * score[b] } }
            for a in touched { score[a] = 0 }
            touched.removeAll(keepingCapacity: true)
        }
        clusters = count
    }

    func covariance(inverse: SquareMatrix) -> SquareMatrix? {
        guard clusters > 1 else { return nil }
        var covariance = inverse.times(meat).times(inverse)
        let correction = Double(clusters) / Double(clusters - 1)
        for index in covariance.values.indices { covariance.values[index] *= correction }
        return covariance
    }
}

/// The scale on which ratings are shown: 400 points are odds of ten to one, and the mean of a set of items is 1000.
package struct RatingScale: Sendable, Equatable {
    package var points: Double
    package var centre: Double

    package init(points: Double = 400, centre: Double = 1000) {
        self.points = points
        self.centre = centre
    }

    package func shown(_ natural: Double) -> Double { centre + width(natural) }

    /// Of a difference or an error.
    package func width(_ natural: Double) -> Double { natural * points / log(10) }
}
