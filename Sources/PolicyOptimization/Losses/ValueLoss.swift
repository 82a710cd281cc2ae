/// The critic's loss over the tokens of a micro-batch with its derivative by each value, in closed form; see
/// ``PolicyLoss`` for why, and ``ReferenceLoss/value(_:old:target:clip:)`` for the formula.
package struct ValueLoss: Sendable {
    /// nil: no clipping.
    package var clip: Double?
    /// Factor of loss and gradient, 1 for a critic with its own optimizer.
    package var weight: Double

    package init(clip: Double? = 0.2, weight: Double = 1) {
        self.clip = clip
        self.weight = weight
    }

    package struct Result: Sendable {
        /// This part's share of the minibatch's loss, weighted.
        package var loss: Double
        /// d loss / d value; 0 outside the mask.
        package var gradient: [Float]
        package var figures: ValueFigures
    }

    /// - Parameters:
    ///   - values: of the critic that learns.
    ///   - old: at the start of the step.
    ///   - targets: the returns.
    ///   - globalTokens: tokens of the whole minibatch.
    package func evaluate(
        values: [Float], old: [Double], targets: [Double], mask: [UInt8], globalTokens: Int
    ) throws -> Result {
        guard values.count == mask.count, old.count == mask.count, targets.count == mask.count else {
            throw PolicyOptimizationError(.shape, "arrays over the tokens of a micro-batch differ in length")
        }
        guard globalTokens > 0 else {
            throw PolicyOptimizationError(.empty, "no token of the minibatch is in the mask")
        }
        let share = weight / Double(globalTokens)
        var result = Result(loss: 0, gradient: [Float](repeating: 0, count: mask.count), figures: ValueFigures())
        for t in mask.indices where mask[t] != 0 {
            let value = Double(values[t])
            let error = value - targets[t]
            var loss = 0.5 * error * error
            var slope = error
            if let clip {
                let bounded = min(max(value, old[t] - clip), old[t] + clip)
                let clipped = 0.5 * (bounded - targets[t]) * (bounded - targets[t])
                if clipped > loss {
                    loss = clipped
                    slope = 0
                    result.figures.clipped += 1
                }
            }
            result.figures.tokens += 1
            result.figures.loss += loss
            result.loss += loss * share
            result.gradient[t] = Float(slope * share)
        }
        return result
    }
}

/// Sums over tokens.
package struct ValueFigures: Sendable, Equatable {
    package var tokens = 0
    package var loss = 0.0
    package var clipped = 0

    package init() {}

    package static func += (a: inout ValueFigures, b: ValueFigures) {
        a.tokens += b.tokens
        a.loss += b.loss
        a.clipped += b.clipped
    }
}
