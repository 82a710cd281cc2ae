package import RunConfiguration

/// The shape of the policy loss; see ``PolicyLoss`` for the formulas.
package struct PolicyLossSettings: Sendable, Equatable {
    /// ``PPOSection/LossAggregation`` with its length.
    package enum Aggregation: Sendable, Equatable {
        case tokenMean, sequenceMean
        case constantLength(Int)
    }

    package var objective: PPOSection.PolicyLoss
    package var aggregation: Aggregation
    package var clip: Double
    /// Upper bound of the ratio is 1 + this; the same as `clip` when nil.
    package var clipHigh: Double?
    package var dualClip: Double?
    /// |log ratio| is clamped to this before exp, and counted when it happens.
    package var logRatioBound: Double
    package var entropyWeight: Double
    /// Weight of the KL to the reference as a loss.
    package var klWeight = 0.0
    package var klEstimator: KLEstimator
    /// The weight pi_prox / pi_behaviour of stale tokens is truncated here (Fu et al. 2025).
    package var behaviourCap: Double

    /// - Parameter longestAnswer: stands for the length of every answer where losses are aggregated so; tokens.
    package init(_ ppo: PPOSection = PPOSection(), longestAnswer: Int = 1) {
        objective = ppo.policyLoss
        aggregation =
            switch ppo.lossAggregation {
            case .tokenMean: .tokenMean
            case .sequenceMean: .sequenceMean
            case .constantLength: .constantLength(longestAnswer)
            }
        clip = ppo.clip
        clipHigh = ppo.clipHigh
        dualClip = ppo.dualClip
        logRatioBound = ppo.clipLogRatio ?? .infinity
        entropyWeight = ppo.entropyCoefficient
        klEstimator = ppo.kl.place == .loss ? ppo.kl.estimator : .k2
        behaviourCap = ppo.staleImportanceCap ?? .infinity
    }
}

/// What a minibatch consists of, over all its micro-batches.
package struct MinibatchSize: Sendable, Equatable {
    /// In the mask.
    package var tokens: Int
    /// Answers with at least one token in the mask.
    package var sequences: Int

    package init(tokens: Int, sequences: Int) {
        self.tokens = tokens
        self.sequences = sequences
    }

    package init(_ mask: [[UInt8]]) {
        tokens = Masked.count(mask)
        sequences = mask.reduce(0) { $0 + ($1.contains { $0 != 0 } ? 1 : 0) }
    }
}

extension PolicyLossSettings.Aggregation {
    /// What a token's loss is multiplied by.
    ///
    /// - Parameter length: tokens of its answer in the mask, at least 1.
    func share(length: Int, of size: MinibatchSize) -> Double {
        switch self {
        case .tokenMean: 1 / Double(size.tokens)
        case .sequenceMean: 1 / (Double(size.sequences) * Double(length))
        case .constantLength(let constant): 1 / (Double(size.sequences) * Double(constant))
        }
    }
}
