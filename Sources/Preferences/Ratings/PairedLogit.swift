import Foundation

/// The logarithm of the likelihood of votes under P(left) = sigma(s_left - s_right + beta x), and its maximum.
///
/// Parameters are the ratings s of all items, then the coefficients beta. The likelihood does not change when all ratings
/// move together; that direction is fixed by holding their mean at 0.
struct PairedLogit {
    struct Row {
        var left: Int
        var right: Int
        var score: Double
        var weight: Double
        var features: [Double] = []
    }

    let items: Int
    let covariates: Int
    let rows: [Row]
    /// Penalty of half of this times the square of each coefficient; ratings have none.
    let ridge: Double

    struct Maximum {
        var parameters: [Double]
        /// The inverse of the negative second derivative, in the gauge of mean 0.
        var inverse: SquareMatrix
        var logLikelihood: Double
    }

    private var count: Int { items + covariates }

    /// Newton's method with halved steps.
    ///
    /// - Returns: nil when the second derivative is singular or no maximum is reached in 200 steps.
    func maximum() -> Maximum? {
        var parameters = [Double](repeating: 0, count: count)
        var value = self.value(parameters)
        let size = max(1, rows.reduce(0) { $0 + $1.weight })
        for _ in 0..<200 {
            let (gradient, hessian) = derivatives(parameters)
            guard let factor = hessian.cholesky() else { return nil }
            let step = factor.solve(gradient)
            let decrement = zip(step, gradient).reduce(0) { $0 + $1.0 * $1.1 }
            guard decrement.isFinite else { return nil }
            if decrement < 1e-18 * size || step.allSatisfy({ abs($0) < 1e-11 }) {
                return Maximum(parameters: parameters, inverse: gauged(factor.inverse()), logLikelihood: value)
            }
            var scale = 1.0
            while true {
                let next = zip(parameters, step).map { $0 + scale * $1 }
                let reached = self.value(next)
                // The last bits of the sum may say that an optimal step is none.
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

    private func logit(_ row: Row, _ parameters: [Double]) -> Double {
        var z = parameters[row.left] - parameters[row.right]
        for index in 0..<covariates { z += parameters[items + index] * row.features[index] }
        return z
    }

    private func value(_ parameters: [Double]) -> Double {
        let penalty = parameters[items...].reduce(0) { $0 + $1 * $1 } * ridge / 2
        return rows.reduce(-penalty) { sum, row in
            let z = logit(row, parameters)
            return sum + row.weight * (row.score * z - Logistic.softplus(z))
        }
    }

    /// The gradient, and the negative second derivative with 1/n added to each pair of ratings: that makes it regular
    /// and changes no step, since the gradient of the ratings sums to 0.
    private func derivatives(_ parameters: [Double]) -> ([Double], SquareMatrix) {
        var gradient = [Double](repeating: 0, count: count)
        var hessian = SquareMatrix(order: count)
        for row in rows {
            let p = Logistic.sigma(logit(row, parameters))
            let slope = row.weight * (row.score - p)
            let information = row.weight * p * (1 - p)
            gradient[row.left] += slope
            gradient[row.right] -= slope
            hessian[row.left, row.left] += information
            hessian[row.right, row.right] += information
            hessian[row.left, row.right] -= information
            hessian[row.right, row.left] -= information
            for index in 0..<covariates {
                let (place, x) = (items + index, row.features[index])
                gradient[place] += slope * x
                for (rating, sign) in [(row.left, 1.0), (row.right, -1.0)] {
                    hessian[place, rating] += sign * information * x
                    hessian[rating, place] += sign * information * x
                }
                for other in 0..<covariates { hessian[place, items + other] += information * x * row.features[other] }
            }
        }
        for index in 0..<covariates {
            gradient[items + index] -= ridge * parameters[items + index]
            hessian[items + index, items + index] += ridge
        }
        for a in 0..<items { for b in 0..<items { hessian[a, b] += 1 / Double(items) } }
        return (gradient, hessian)
    }

    /// The direction that was added has the eigenvalue 1 in the inverse too.
    private func gauged(_ inverse: SquareMatrix) -> SquareMatrix {
        var gauged = inverse
        for a in 0..<items { for b in 0..<items { gauged[a, b] -= 1 / Double(items) } }
        return gauged
    }
}
