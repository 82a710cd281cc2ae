/// What becomes of the score of an answer that does not end with EOS.
package enum MissingEOS: Sendable, Equatable {
    /// score - p: the default, p = 1 (TRL).
    case subtract(Double)
    /// score := s (N implementation details, with s = -1).
    case replace(Double)
    /// score * c (OpenRLHF).
    case scale(Double)
    /// The answer teaches nothing: it leaves the mask (AReaL).
    case mask

    package static func named(_ name: String, amount: Double?) throws -> MissingEOS {
        switch name {
        case "subtract": .subtract(amount ?? 1)
        case "replace": .replace(amount ?? -1)
        case "scale": .scale(amount ?? 1)
        case "mask": .mask
        default:
            throw PolicyOptimizationError(
                .setting, "missing_eos is '\(name)'; it is one of subtract, replace, scale, mask")
        }
    }
}

/// From the reward function's score of an answer to the number that enters the rewards of its tokens.
package struct ScoreShaping: Sendable, Equatable {
    /// Scores are clipped to plus and minus this; nil turns it off.
    package var clip: Double?
    package var missingEOS: MissingEOS
    package var overlong: OverlongPenalty?

    package init(
        clip: Double? = 5, missingEOS: MissingEOS = .subtract(1), overlong: OverlongPenalty? = nil
    ) {
        self.clip = clip
        self.missingEOS = missingEOS
        self.overlong = overlong
    }

    /// Whether the clip changes a score.
    package func clips(_ score: Double) -> Bool { clip.map { abs(score) > $0 } ?? false }

    /// - Parameters:
    ///   - score: after running normalisation, if any.
    ///   - ended: the answer ended by itself: by EOS or by a stop sequence.
    ///   - length: response tokens.
    /// - Returns: nil when the answer is to leave the mask.
    package func shape(_ score: Double, ended: Bool, length: Int) -> Double? {
        var shaped = score
        if let clip { shaped = min(max(shaped, -clip), clip) }
        if !ended {
            switch missingEOS {
            case .subtract(let penalty): shaped -= penalty
            case .replace(let value): shaped = value
            case .scale(let factor): shaped *= factor
            case .mask: return nil
            }
        }
        if let overlong { shaped += overlong.penalty(length: length) }
        return shaped
    }
}

/// Soft punishment of long answers (Yu et al. 2025, DAPO, equation 13): 0 up to `maximum - cache` tokens,
/// falling linearly to -1 at `maximum`.
package struct OverlongPenalty: Sendable, Equatable {
    package var maximum: Int
    package var cache: Int

    package init(maximum: Int, cache: Int) {
        self.maximum = maximum
        self.cache = cache
    }

    package func penalty(length: Int) -> Double {
        let free = maximum - cache
        if length <= free { return 0 }
        if length > maximum || cache <= 0 { return -1 }
        return Double(free - length) / Double(cache)
    }
}

/// Rewards of single tokens: the KL penalty at each, the score at the last (Stiennon et al. 2020).
package enum TokenRewards {
    /// - Parameters:
    ///   - score: nil when the answer has none; its mask is then expected to be all zero.
    ///   - logProbabilities: of the policy at the start of the step, one a token.
    ///   - reference: of the reference model, one a token.
    /// - Returns: one number a token, 0 outside the mask.
    package static func make(
        score: Double?, logProbabilities: [Double], reference: [Double], mask: [UInt8], beta: Double,
        penalty: KLEstimator = .k1
    ) throws -> [Double] {
        guard logProbabilities.count == mask.count, reference.count == mask.count else {
            throw PolicyOptimizationError(
                .shape,
                "\(logProbabilities.count) log-probabilities, \(reference.count) of the reference, \(mask.count) mask entries"
            )
        }
        var rewards = [Double](repeating: 0, count: mask.count)
        for t in mask.indices where mask[t] != 0 {
            // beta 0 with a reference of -inf must give 0, not NaN.
            rewards[t] = beta == 0 ? 0 : -beta * penalty(logProbabilities[t], reference[t])
        }
        if let score, let last = mask.lastIndex(where: { $0 != 0 }) { rewards[last] += score }
        return rewards
    }
}
