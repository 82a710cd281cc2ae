package import RunConfiguration

/// From the reward function's score of an answer to the number that enters the rewards of its tokens.
package struct ScoreShaping: Sendable, Equatable {
    /// Scores are clipped to plus and minus this; nil turns it off.
    package var clip: Double?
    package var missingEOS: PPOSection.MissingEOS
    package var missingEOSPenalty: Double
    package var overlong: OverlongSection?

    package init(_ ppo: PPOSection) {
        clip = ppo.rewardClip
        missingEOS = ppo.missingEOS
        missingEOSPenalty = ppo.missingEOSPenalty
        overlong = ppo.overlong
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
            case .subtract: shaped -= missingEOSPenalty
            case .set: shaped = -missingEOSPenalty
            case .scale: shaped *= missingEOSPenalty
            case .mask: return nil
            }
        }
        if let overlong { shaped += overlong.penalty(length: length) }
        return shaped
    }
}

extension OverlongSection {
    /// Yu et al. 2025, DAPO, equation 13.
    ///
    /// - Parameter length: tokens of the answer.
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
