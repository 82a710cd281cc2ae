extension PPOSection {
    /// When the learner writes a checkpoint. It changes nothing that is learned.
    package enum CheckpointEvery: Sendable, Equatable {
        /// As often as costs little: about 5 % of the time, and a fifth of the bytes of the policies.
        case auto
        case steps(Int)
        case minutes(Double)
    }

    /// Where advantages come from.
    package enum Advantage: String, Sendable, CaseIterable, ChoiceValue {
        case gae, rloo
        case reinforcePlusPlus = "reinforce_pp"
        case grpo

        /// GAE alone needs values of states.
        package var needsCritic: Bool { self == .gae }
        /// Whether answers to one prompt are compared.
        package var needsGroups: Bool { self == .rloo || self == .grpo }
    }

    package enum CriticKind: String, Sendable, CaseIterable, ChoiceValue {
        /// A model of its own with its own optimizer.
        case separate
        /// A head on the policy's trunk.
        case shared
    }

    /// What a separate critic starts from.
    package enum CriticStart: String, Sendable, CaseIterable, ChoiceValue { case reward, policy }

    /// Where Adam's epsilon stands.
    package enum Adam: String, Sendable, CaseIterable, ChoiceValue { case pytorch, tensorflow }

    /// What becomes of the score of an answer that does not end by itself; p is `missing_eos_penalty`.
    package enum MissingEOS: String, Sendable, CaseIterable, ChoiceValue {
        /// score - p: the default, with p = 1 (TRL).
        case subtract
        /// -p (N implementation details, with p = 1).
        case set
        /// score * p (OpenRLHF).
        case scale
        /// The answer teaches nothing: it leaves the mask (AReaL).
        case mask
    }

    /// What is made of a token's ratio and advantage.
    package enum PolicyLoss: String, Sendable, CaseIterable, ChoiceValue {
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
    package enum LossAggregation: String, Sendable, CaseIterable, ChoiceValue {
        /// The mean over all tokens.
        case tokenMean = "token_mean"
        /// The mean over answers of each one's mean over its tokens (GRPO, GSPO).
        case sequenceMean = "sequence_mean"
        /// The sum over an answer's tokens divided by `rollout.max_new_tokens`, then the mean over answers (Liu et al.
        /// 2025, "Dr. GRPO"): a long answer weighs as much as it has tokens, whatever else is in the minibatch.
        case constantLength = "constant_length"
    }

    /// Where the log-probabilities in the denominator of the ratio come from.
    package enum OldLogProbabilities: String, Sendable, CaseIterable, ChoiceValue {
        /// The generator's when they are of the learner's own version and agree, else the learner's.
        case auto
        /// The generator's, whatever the comparison says; it still alarms.
        case generator
        /// Always computed by the learner at the start of the step.
        case recompute
    }
}

/// Estimators of KL(pi || reference) from samples of pi (Schulman 2020, "Approximating KL divergence"),
/// with x = log pi - log reference of a sampled token, in nats.
package enum KLEstimator: String, Sendable, Codable, CaseIterable, ChoiceValue {
    /// x: unbiased, high variance, may be negative. As a reward it has the gradient of the KL. As a loss its gradient
    /// is that of log pi, whose expectation is 0 whatever the reference: it adds noise and holds nothing back.
    case k1
    /// x^2 / 2: biased, never negative. As a loss it has the gradient of KL(pi || reference).
    case k2
    /// exp(-x) - 1 + x: unbiased, never negative. As a loss its gradient is that of KL(reference || pi), the other way
    /// around, at the first order the same; where the policy has left the reference far behind it pulls no harder.
    case k3
}
