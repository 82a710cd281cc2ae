import Foundation

/// Ratings with ties as an outcome of their own (Davidson 1970): the odds of i wins, j wins, tie are
/// pi_i : pi_j : nu sqrt(pi_i pi_j). The scale is not the one of half ties: a tie draws ratings together less.
package struct Davidson: Sendable {
    package let items: [Int]
    /// log pi, with mean 0.
    package let ratings: [Double]
    /// How common ties are; equal items tie with the probability nu / (2 + nu).
    package let nu: Double
    package let logLikelihood: Double
    /// Of the ratings, then of log nu, if every battle were independent and the model right.
    package let modelCovariance: SquareMatrix

    /// - Returns: nil when there is no tie, or when the likelihood has no maximum: A that beats B twice and ties once has
    ///   a finite rating where a tie is half a win, and none here.
    package init?(_ table: BattleTable, among items: [Int]) {
        guard (2...BradleyTerry.mostItems).contains(items.count) else { return nil }
        var places = [Int?](repeating: nil, count: table.items.count)
        for (place, item) in items.enumerated() { places[item] = place }
        var pairs: [Int: Outcomes] = [:]
        for battle in table.battles where battle.weight > 0 {
            guard let left = places[battle.left], let right = places[battle.right], left != right else { continue }
            let isOrdered = left < right
            let key = isOrdered ? left * items.count + right : right * items.count + left
            var sum = pairs[key] ?? Outcomes(first: key / items.count, second: key % items.count)
            sum.add(battle, isOrdered: isOrdered)
            pairs[key] = sum
        }
        let outcomes = pairs.keys.sorted().compactMap { pairs[$0] }
        guard outcomes.contains(where: { $0.ties > 0 }), Self.hasMaximum(outcomes, items: items.count),
            let fit = DavidsonLikelihood(items: items.count, pairs: outcomes).maximum()
        else { return nil }
        self.items = items
        ratings = Array(fit.parameters[..<items.count])
        nu = exp(fit.parameters[items.count])
        logLikelihood = fit.value
        modelCovariance = fit.inverse
    }

    /// With ties the likelihood grows for ever exactly when some ratings d exist with d_i - d_j >= 1 for every win of i and
    /// |d_i - d_j| <= 1 for every tie (the direction in which nu grows with them). Bellman's and Ford's algorithm
    /// finds such differences, or a cycle that forbids them.
    private static func hasMaximum(_ pairs: [Outcomes], items: Int) -> Bool {
        var bounds: [(from: Int, to: Int, limit: Int)] = []
        for pair in pairs {
            // d_to <= d_from + limit
            if pair.firstWins > 0 { bounds.append((pair.first, pair.second, -1)) }
            if pair.secondWins > 0 { bounds.append((pair.second, pair.first, -1)) }
            if pair.ties > 0 { bounds += [(pair.first, pair.second, 1), (pair.second, pair.first, 1)] }
        }
        var distance = [Int](repeating: 0, count: items)
        for _ in 0...items {
            var hasChanged = false
            for bound in bounds where distance[bound.from] + bound.limit < distance[bound.to] {
                distance[bound.to] = distance[bound.from] + bound.limit
                hasChanged = true
            }
            if !hasChanged { return false }
        }
        return true
    }
}

/// Sums over the battles of two items.
private struct Outcomes {
    var first: Int
    var second: Int
    var firstWins = 0.0
    var secondWins = 0.0
    var ties = 0.0

    init(first: Int, second: Int) {
        self.first = first
        self.second = second
    }

    mutating func add(_ battle: Battle, isOrdered: Bool) {
        if battle.isTie {
            ties += battle.weight
        } else {
            let score = isOrdered ? battle.score : 1 - battle.score
            firstWins += battle.weight * score
            secondWins += battle.weight * (1 - score)
        }
    }
}

private struct DavidsonLikelihood {
    let items: Int
    let pairs: [Outcomes]

    /// Newton's method; the likelihood is concave, as that of an exponential family.
    func maximum() -> (parameters: [Double], value: Double, inverse: SquareMatrix)? {
        var parameters = [Double](repeating: 0, count: items + 1)
        var value = self.value(parameters)
        for _ in 0..<200 {
            let (gradient, hessian) = derivatives(parameters)
            guard let factor = hessian.cholesky() else { return nil }
            let step = factor.solve(gradient)
            if step.allSatisfy({ abs($0) < 1e-11 }) {
                var inverse = factor.inverse()
                for a in 0..<items { for b in 0..<items { inverse[a, b] -= 1 / Double(items) } }
                return (parameters, value, inverse)
            }
            var scale = 1.0
            while true {
                let next = zip(parameters, step).map { $0 + scale * $1 }
                let reached = self.value(next)
                if reached >= value - 1e-12 * abs(value) {
                    (parameters, value) = (next, reached)
                    break
                }
                scale /= 2
                guard scale > 1e-9 else { return nil }
            }
        }
        return nil
    }

    /// Probabilities of first wins, second wins, tie, and the logarithm of their common divisor.
    private func probabilities(_ pair: Outcomes, _ parameters: [Double]) -> (Double, Double, Double, Double) {
        let half = (parameters[pair.first] - parameters[pair.second]) / 2
        let top = max(abs(half), parameters[items])
        let odds = (exp(half - top), exp(-half - top), exp(parameters[items] - top))
        let sum = odds.0 + odds.1 + odds.2
        return (odds.0 / sum, odds.1 / sum, odds.2 / sum, top + log(sum))
    }

    private func value(_ parameters: [Double]) -> Double {
        pairs.reduce(0) { total, pair in
            let half = (parameters[pair.first] - parameters[pair.second]) / 2
            let divisor = probabilities(pair, parameters).3
            let all = pair.firstWins + pair.secondWins + pair.ties
            return total + (pair.firstWins - pair.secondWins) * half + pair.ties * parameters[items] - all * divisor
        }
    }

    private func derivatives(_ parameters: [Double]) -> ([Double], SquareMatrix) {
        var gradient = [Double](repeating: 0, count: items + 1)
        var hessian = SquareMatrix(order: items + 1)
        for pair in pairs {
            let (first, second, tie, _) = probabilities(pair, parameters)
            let all = pair.firstWins + pair.secondWins + pair.ties
            let mean = (first - second) / 2
            let slope = (pair.firstWins - pair.secondWins) / 2 - all * mean
            let spread = all * ((first + second) / 4 - mean * mean)
            let mixed = -all * mean * tie
            gradient[pair.first] += slope
            gradient[pair.second] -= slope
            gradient[items] += pair.ties - all * tie
            hessian[pair.first, pair.first] += spread
            hessian[pair.second, pair.second] += spread
            hessian[pair.first, pair.second] -= spread
            hessian[pair.second, pair.first] -= spread
            for (place, sign) in [(pair.first, 1.0), (pair.second, -1.0)] {
                hessian[place, items] += sign * mixed
                hessian[items, place] += sign * mixed
            }
            hessian[items, items] += all * tie * (1 - tie)
        }
        for a in 0..<items { for b in 0..<items { hessian[a, b] += 1 / Double(items) } }
        return (gradient, hessian)
    }
}
