/// Sums over tokens, so that micro-batches can be added; `mean` divides.
package struct PolicyFigures: Sendable, Equatable {
    package var tokens = 0
    /// Weighted so that its mean over the tokens is the loss as it is aggregated.
    package var policyLoss = 0.0
    /// Of the token, or of its answer with gspo.
    package var ratio = 0.0
    package var maximumRatio = 0.0
    /// (log rho)^2 / 2 of each token, with every objective.
    package var approximateKL = 0.0
    /// Over `entropyTokens`: it is measured in the first epoch alone when nothing is trained on it.
    package var entropy = 0.0
    package var entropyTokens = 0
    /// Value of the estimator that is trained, weighted as the policy's loss.
    package var klLoss = 0.0
    package var behaviourWeight = 0.0
    package var clipped = 0
    package var dualClipped = 0
    package var clamped = 0

    package init() {}

    package static func += (a: inout PolicyFigures, b: PolicyFigures) {
        a.tokens += b.tokens
        a.policyLoss += b.policyLoss
        a.ratio += b.ratio
        a.maximumRatio =
            a.maximumRatio.isNaN || b.maximumRatio.isNaN ? .nan : max(a.maximumRatio, b.maximumRatio)
        a.approximateKL += b.approximateKL
        a.entropy += b.entropy
        a.entropyTokens += b.entropyTokens
        a.klLoss += b.klLoss
        a.behaviourWeight += b.behaviourWeight
        a.clipped += b.clipped
        a.dualClipped += b.dualClipped
        a.clamped += b.clamped
    }

    package func mean(_ path: KeyPath<PolicyFigures, Double>) -> Double {
        tokens > 0 ? self[keyPath: path] / Double(tokens) : 0
    }

    package func share(_ path: KeyPath<PolicyFigures, Int>) -> Double {
        tokens > 0 ? Double(self[keyPath: path]) / Double(tokens) : 0
    }
}
