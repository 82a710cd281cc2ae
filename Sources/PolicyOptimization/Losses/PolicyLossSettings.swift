/// The shape of the policy loss; see ``PolicyLoss`` for the formulas.
package struct PolicyLossSettings: Sendable, Equatable {
    /// What is made of a token's ratio and advantage.
    package enum Objective: String, Sendable, Codable, CaseIterable {
        /// The clipped ratio of each token (Schulman et al. 2017, equation 7).
        case ppo
        /// The clipped ratio of the whole answer, normalised by its length (Zheng et al. 2025, "Group sequence policy
        /// optimization", equations 7 and 13: the form for advantages that differ from token to token).
        case gspo
        /// The token's log-probability, weighted by its ratio, which is bounded above and a constant to the gradient
        /// (MiniMax-M1 2025, equation 4). There is no lower bound, as there was none in MiniMax's runs.
        case cispo
    }

    /// How the losses of tokens become the loss of a minibatch. Answers without a token in the mask do not count.
    package enum Aggregation: Sendable, Equatable {
        /// The mean over all tokens.
        case tokenMean
        /// The mean over answers of each one's mean over its tokens (GRPO, GSPO).
        case sequenceMean
        /// The sum over an answer's tokens divided by this constant, then the mean over answers (Liu et al. 2025,
        /// "Dr. GRPO"): a long answer weighs as much as it has tokens, whatever else is in the minibatch.
        case constantLength(Int)
    }

    package var objective = Objective.ppo
    package var aggregation = Aggregation.tokenMean
    package var clip = 0.2
    /// Upper bound of the ratio is 1 + this; the same as `clip` when nil.
    package var clipHigh: Double?
    package var dualClip: Double?
    /// |log ratio| is clamped to this before exp, and counted when it happens.
    package var logRatioBound = 20.0
    package var entropyWeight = 0.0
    /// Weight of the KL to the reference as a loss.
    package var klWeight = 0.0
    package var klEstimator = KLEstimator.k2
    /// The weight pi_prox / pi_behaviour of stale tokens is truncated here (Fu et al. 2025).
    package var behaviourCap = 2.0

    package init() {}
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
