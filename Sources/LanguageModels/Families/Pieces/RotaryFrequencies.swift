import Foundation

/// Angle per position of each pair of elements, plain or stretched beyond the length of pretraining.
enum RotaryFrequencies {
    /// -> `size` / 2 numbers, radians a position, falling.
    static func make(size: Int, _ rotary: Rotary) -> [Double] {
        let theta = rotary.theta
        let plain = stride(from: 0, to: size, by: 2).map { 1 / pow(theta, Double($0) / Double(size)) }
        switch rotary.scaling {
        // No sequence is so long that these would be stretched.
        case .none, .dynamic: return plain
        case .long(let long): return zip(plain, long.shortFactors).map { $0 / $1 }
        case .linear(let factor): return plain.map { $0 / factor }
        case .llama3(let factor, let low, let high, let context):
            return plain.map { llama3($0, factor: factor, low: low, high: high, context: Double(context)) }
        case .yarn(let yarn): return stretched(plain, size: size, theta: theta, yarn)
        }
    }

    static func attentionFactor(_ scaling: Rotary.Scaling) -> Double {
        switch scaling {
        case .yarn(let yarn): yarn.attentionFactor
        case .long(let long): long.attentionFactor
        default: 1
        }
    }

    private static func llama3(
        _ frequency: Double, factor: Double, low: Double, high: Double, context: Double
    ) -> Double {
        let wavelength = 2 * Double.pi / frequency
        if wavelength > context / low { return frequency / factor }
        if wavelength < context / high { return frequency }
        let ramp = (context / wavelength - low) / (high - low)
        return (1 - ramp) * frequency / factor + ramp * frequency
    }

    /// YaRN (Peng et al. 2023, section 3.2): pairs that turn more than `betaFast` times over the original context stay,
    /// those that turn less than `betaSlow` times are stretched by the factor, a ramp over the pairs between.
    private static func stretched(
        _ plain: [Double], size: Int, theta: Double, _ yarn: Rotary.YaRN
    ) -> [Double] {
        /// The pair, as a real number, that turns `rotations` times over the original context.
        func pair(_ rotations: Double) -> Double {
            Double(size) * log(Double(yarn.originalContext) / (rotations * 2 * Double.pi)) / (2 * log(theta))
        }
        let (first, last) = (pair(yarn.betaFast), pair(yarn.betaSlow))
        let low = max(yarn.truncate ? first.rounded(.down) : first, 0)
        var high = min(yarn.truncate ? last.rounded(.up) : last, Double(size - 1))
        // As transformers does, so that the ramp has a width.
        if low == high { high += 0.001 }
        return plain.enumerated().map { index, frequency in
            let ramp = min(max((Double(index) - low) / (high - low), 0), 1)
            return frequency / yarn.factor * ramp + frequency * (1 - ramp)
        }
    }
}
