import Foundation

/// The win rate that an item would have against a baseline if its answers were as long as the baseline's
/// (Dubois et al. 2024, "Length-controlled AlpacaEval").
///
/// P(item wins on prompt x) = sigma(theta + phi tanh(d / sd d) + psi gamma_x), where d is the difference in length and
/// gamma_x how hard the prompt is for others against that baseline; then d is set to 0 and the mean taken.
package struct LengthControl: Sendable, Equatable {
    /// One battle of an item against the baseline.
    package struct Case: Sendable {
        /// Length of the item's answer less the baseline's.
        package var difference: Double
        /// How the baseline fares on this prompt elsewhere, as a logit; 0 when nothing is known.
        package var difficulty: Double
        /// The item's share of the win.
        package var score: Double

        package init(difference: Double, difficulty: Double = 0, score: Double) {
            self.difference = difference
            self.difficulty = difficulty
            self.score = score
        }
    }

    /// The mean share as it is.
    package let raw: Double
    package let controlled: Double
    package let lengthCoefficient: Double

    /// Control moved the win rate so far that length, and not the item, is what was measured: 20 % that become less than
    /// 10 or more than 40 %, and 80 % that become more than 90 or less than 60 %.
    package var isSuspicious: Bool {
        let (before, after) = raw <= 0.5 ? (raw, controlled) : (1 - raw, 1 - controlled)
        return after < before / 2 || after > before * 2
    }

    /// - Returns: nil without cases, or when all lengths are alike, or no fit is reached.
    package init?(_ cases: [Case]) {
        guard !cases.isEmpty else { return nil }
        let count = Double(cases.count)
        let mean = cases.reduce(0) { $0 + $1.difference } / count
        let deviation = (cases.reduce(0) { $0 + ($1.difference - mean) * ($1.difference - mean) } / count).squareRoot()
        guard deviation > 0 else { return nil }
        let rows = cases.map { one in
            PairedLogit.Row(
                left: 0, right: 1, score: one.score, weight: 1,
                features: [tanh(one.difference / deviation), one.difficulty])
        }
        guard let fit = PairedLogit(items: 2, covariates: 2, rows: rows, ridge: 0.1).maximum() else { return nil }
        let (theta, psi) = (fit.parameters[0] - fit.parameters[1], fit.parameters[3])
        raw = cases.reduce(0) { $0 + $1.score } / count
        controlled = cases.reduce(0) { $0 + Logistic.sigma(theta + psi * $1.difficulty) } / count
        lengthCoefficient = fit.parameters[2]
    }
}
