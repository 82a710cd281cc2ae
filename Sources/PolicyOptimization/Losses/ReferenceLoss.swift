import Foundation

/// The losses of one token in plain numbers: slow, readable, and what the tensor versions are tested against.
package enum ReferenceLoss {
    /// PPO's clipped objective (Schulman et al. 2017, equation 7), negated; with `dualClip` c the loss of a token with
    /// negative advantage is at most -c * A (Ye et al. 2020).
    ///
    /// - Parameters:
    ///   - new: log-probability under the policy that learns.
    ///   - old: under the policy at the start of the step.
    ///   - clampedTo: bound of |log ratio| before exp.
    package static func policy(
        advantage: Double, new: Double, old: Double, clip: Double = 0.2, clipHigh: Double? = nil,
        dualClip: Double? = nil, clampedTo bound: Double = 20
    ) -> Double {
        let logRatio = min(max(new - old, -bound), bound)
        let ratio = exp(logRatio)
        let clipped = min(max(ratio, 1 - clip), 1 + (clipHigh ?? clip))
        let loss = max(-advantage * ratio, -advantage * clipped)
        guard let dualClip, advantage < 0 else { return loss }
        return min(loss, -dualClip * advantage)
    }

    /// 0.5 * max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2); no clipping when `clip` is nil.
    package static func value(_ value: Double, old: Double, target: Double, clip: Double? = 0.2) -> Double {
        let plain = (value - target) * (value - target)
        guard let clip else { return 0.5 * plain }
        let bounded = min(max(value, old - clip), old + clip)
        return 0.5 * max(plain, (bounded - target) * (bounded - target))
    }

    /// -log sigmoid(r_chosen - r_rejected - margin); with smoothing s the label is right with probability 1 - s;
    /// a tie is half a vote each way.
    package static func preference(
        chosen: Double, rejected: Double, margin: Double = 0, smoothing: Double = 0, tie: Bool = false
    ) -> Double {
        let distance = chosen - rejected - (tie ? 0 : margin)
        let weight = tie ? 0.5 : 1 - smoothing
        return weight * softplus(-distance) + (1 - weight) * softplus(distance)
    }

    /// A mean over all tokens of a minibatch when it is computed in parts: sum over a part's tokens divided by the
    /// token count of all parts, times the ranks over which gradients are averaged. Parts are added, never averaged.
    package static func tokenWeighted(
        _ losses: [[Double]], _ mask: [[UInt8]], globalTokens: Int, ranks: Int = 1
    ) -> Double {
        var sum = 0.0
        Masked.each(losses, mask) { sum += $0 }
        return globalTokens > 0 ? sum / Double(globalTokens) * Double(ranks) : 0
    }

    /// log(1 + exp(x)) without overflow.
    private static func softplus(_ x: Double) -> Double {
        max(x, 0) + log1p(exp(-abs(x)))
    }
}
