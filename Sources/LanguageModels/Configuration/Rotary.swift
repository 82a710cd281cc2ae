/// How positions turn the elements of a head: the base of the angles, and how they are stretched beyond the length of
/// pretraining.
package struct Rotary: Sendable, Hashable {
    package enum Scaling: Sendable, Hashable {
        case none
        /// All positions divided by `factor`.
        case linear(factor: Double)
        /// Llama 3.1: low frequencies divided by `factor`, high ones kept, a ramp between.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalContext: Int)
        case yarn(YaRN)
        /// As long as a sequence fits in `max_position_embeddings`, nothing is stretched; the context ends there.
        case dynamic(factor: Double)
        case long(LongRoPE)
    }

    /// Peng et al. 2023.
    package struct YaRN: Sendable, Hashable {
        package var factor: Double
        package var originalContext: Int
        /// Turns over the original context: frequencies above `betaFast` stay, those below `betaSlow` are divided.
        package var betaFast = 32.0
        package var betaSlow = 1.0
        /// Queries and keys are multiplied by it.
        package var attentionFactor: Double
        /// Whether the ramp between both begins and ends at whole pairs.
        package var truncate = true

        package init(factor: Double, originalContext: Int, attentionFactor: Double) {
            self.factor = factor
            self.originalContext = originalContext
            self.attentionFactor = attentionFactor
        }

        /// How far the factor stretches the context of pretraining, in tokens; nil when that is no sensible number.
        var context: Int? {
            let tokens = (factor * Double(originalContext)).rounded(.down)
            return tokens >= 1 && tokens <= Double(1 << 32) ? Int(tokens) : nil
        }
    }

    /// Ding et al. 2024. A sequence that is longer than the original context needs other angles for all of its tokens;
    /// that is not implemented, so the context ends there and `shortFactors` are all that is used.
    package struct LongRoPE: Sendable, Hashable {
        /// What each pair's frequency is divided by.
        package var shortFactors: [Double]
        /// Kept for the export.
        package var longFactors: [Double]
        package var originalContext: Int
        /// Queries and keys are multiplied by it.
        package var attentionFactor: Double
    }

    package var theta = 10_000.0
    package var scaling = Scaling.none

    package init(theta: Double = 10_000, scaling: Scaling = .none) {
        self.theta = theta
        self.scaling = scaling
    }
}
