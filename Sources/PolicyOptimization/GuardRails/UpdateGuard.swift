/// What is known about a minibatch before its gradient is applied.
package struct MinibatchFigures: Sendable, Equatable {
    package var loss: Double
    package var gradientNorm: Double
    /// Mean of (log rho)^2 / 2.
    package var approximateKL: Double
    package var meanRatio: Double

    package init(loss: Double, gradientNorm: Double, approximateKL: Double, meanRatio: Double) {
        self.loss = loss
        self.gradientNorm = gradientNorm
        self.approximateKL = approximateKL
        self.meanRatio = meanRatio
    }
}

/// Decides about each minibatch of a step: apply, skip, end the epochs, stop the run. Pure: no clock, no tensors.
///
///                      apply
///                    +-------+
///                    v       | 1
///     beginStep -> UPDATING -+------ 2 approximate KL over target_kl ----> ENDED  (until the next step)
///                    |  ^
///      3 not finite  |  | 4 next minibatch or step: the run of skips goes on until an update is applied
///      or ratio over v  |
///                  SKIPPED --------- 5 the third in a row not finite ----> STOPPED (for good)
///
/// The order of the checks: 3 first, since every comparison with NaN is false and 2 would let it through.
package struct UpdateGuard: Sendable, Equatable, Codable {
    package enum Verdict: Sendable, Equatable {
        case apply
        /// The gradient is thrown away; the epoch goes on.
        case skip(reason: String)
        /// No more updates in this step.
        case endEpochs(reason: String)
        /// The run must not go on; the batch is to be kept for inspection.
        case stop(reason: String)
    }

    /// nil turns the early stop off.
    package var targetKL: Double?
    package var maximumMeanRatio: Double?
    package var maximumSkips: Int

    package private(set) var skipsInARow = 0
    package private(set) var skippedThisStep = 0
    package private(set) var endedThisStep = false

    package init(targetKL: Double?, maximumMeanRatio: Double?, maximumSkips: Int = 3) {
        self.targetKL = targetKL
        self.maximumMeanRatio = maximumMeanRatio
        self.maximumSkips = maximumSkips
    }

    /// Takes the limits of another guard; the counts stay.
    package mutating func adopt(limitsOf other: UpdateGuard) {
        targetKL = other.targetKL
        maximumMeanRatio = other.maximumMeanRatio
        maximumSkips = other.maximumSkips
    }

    package mutating func beginStep() {
        skippedThisStep = 0
        endedThisStep = false
    }

    /// The step's batch could not be used at all (its log-probabilities or values are not finite).
    package mutating func observeUnusableBatch(_ reason: String) -> Verdict {
        skip("not finite: \(reason)")
    }

    package mutating func observe(_ figures: MinibatchFigures) -> Verdict {
        guard !endedThisStep else { return .endEpochs(reason: "already ended") }
        let named = [
            ("loss", figures.loss), ("gradient norm", figures.gradientNorm), ("approximate KL", figures.approximateKL),
            ("mean ratio", figures.meanRatio),
        ]
        if let bad = named.first(where: { !$0.1.isFinite }) {  // 3, 5
            return skip("not finite: \(bad.0) is \(bad.1)")
        }
        if let targetKL, figures.approximateKL > targetKL {  // 2
            endedThisStep = true
            return .endEpochs(reason: "approximate KL \(figures.approximateKL) is over target_kl \(targetKL)")
        }
        if let maximumMeanRatio, figures.meanRatio > maximumMeanRatio {  // 3
            skippedThisStep += 1
            return .skip(reason: "mean ratio \(figures.meanRatio) is over \(maximumMeanRatio)")
        }
        skipsInARow = 0  // 1
        return .apply
    }

    private mutating func skip(_ reason: String) -> Verdict {
        skipsInARow += 1
        skippedThisStep += 1
        return skipsInARow >= maximumSkips
            ? .stop(reason: "\(reason), \(skipsInARow) times in a row") : .skip(reason: reason)
    }
}
