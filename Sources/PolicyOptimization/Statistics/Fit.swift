import Foundation

/// How well predictions fit.
package enum Fit {
    /// 1 - Var(R - V) / Var(R) over the mask: 1 is perfect, 0 no better than a constant, negative is worse.
    /// 0 when the returns do not vary: there is nothing to explain.
    package static func explainedVariance(values: [[Double]], returns: [[Double]], mask: [[UInt8]]) -> Double {
        let moments = Masked.moments(returns, mask)
        let spread = moments.variance
        // Equal returns may differ in their last bit from their own mean; that is no spread to explain.
        guard spread > 1e-24 * moments.mean * moments.mean else { return 0 }
        let residual = zip(returns, values).map { zip($0, $1).map { $0 - $1 } }
        return 1 - Masked.moments(residual, mask).variance / spread
    }

    /// Share of pairs in which the chosen answer scores higher; equal scores count one half.
    package static func preferenceAccuracy(margins: [Double]) -> Double {
        guard !margins.isEmpty else { return 0 }
        let right = margins.reduce(0.0) { $0 + ($1 > 0 ? 1 : $1 == 0 ? 0.5 : 0) }
        return right / Double(margins.count)
    }

    /// Expected calibration error (Guo et al. 2017) of sigmoid(margin) as the probability that the answer named
    /// first is the better one, over equal-width bins of the confidence in whichever answer the model prefers.
    ///
    /// - Parameter margins: score of the chosen less score of the rejected answer.
    package static func calibrationError(margins: [Double], bins: Int = 10) -> Double {
        guard !margins.isEmpty, bins > 0 else { return 0 }
        var confidence = [Double](repeating: 0, count: bins)
        var correct = [Double](repeating: 0, count: bins)
        var count = [Double](repeating: 0, count: bins)
        for margin in margins where margin.isFinite {
            let p = 1 / (1 + exp(-abs(margin)))
            // Confidence in the preferred answer lies in [0.5, 1].
            let bin = min(bins - 1, Int((p - 0.5) * 2 * Double(bins)))
            confidence[bin] += p
            correct[bin] += margin > 0 ? 1 : margin == 0 ? 0.5 : 0
            count[bin] += 1
        }
        let total = count.reduce(0, +)
        guard total > 0 else { return 0 }
        var error = 0.0
        for bin in 0..<bins where count[bin] > 0 { error += abs(correct[bin] - confidence[bin]) / total }
        return error
    }
}
