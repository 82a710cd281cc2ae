/// Advantages and returns of each response token.
package struct Advantages: Sendable, Equatable {
    /// One number a token, 0 outside the mask.
    package var advantages: [Double]
    /// What the critic should have said: advantage before whitening, with the critic's own lambda, plus value; 0 outside
    /// the mask.
    package var returns: [Double]
}

/// Generalized advantage estimation (Schulman et al. 2016, equation 16), by its recursion from the last token.
///
///     delta_t = r_t + gamma * V_{t+1} - V_t
///     A_t     = delta_t + gamma * lambda * A_{t+1}
///
/// The critic may have a lambda of its own (Yuan et al. 2025, "VC-PPO", decoupled GAE): with 1 its targets are the
/// rewards that came, free of its own errors, while the policy keeps the lower variance of a smaller lambda.
///
/// A masked gap (tool output in the middle of a trajectory) is carried over: the next value and the running
/// advantage of the token after the gap reach the token before it as if they were neighbours.
package struct GeneralizedAdvantage: Sendable, Equatable {
    package var gamma: Double
    /// Of the policy's advantages.
    package var lambda: Double
    /// Of the critic's targets.
    package var valueLambda: Double

    /// - Parameter valueLambda: the same as `lambda` when nil.
    package init(gamma: Double = 1, lambda: Double = 0.95, valueLambda: Double? = nil) {
        self.gamma = gamma
        self.lambda = lambda
        self.valueLambda = valueLambda ?? lambda
    }

    /// - Parameters:
    ///   - rewards: one a token.
    ///   - values: the critic's, one a token; those outside the mask are not read.
    ///   - mask: 1 where the policy sampled the token.
    ///   - bootstrap: the value after the last token; 0, unless a truncated answer is to be continued in thought.
    package func estimate(
        rewards: [Double], values: [Double], mask: [UInt8], bootstrap: Double = 0
    ) throws -> Advantages {
        guard rewards.count == values.count, values.count == mask.count else {
            throw PolicyOptimizationError(
                .shape,
                "\(rewards.count) rewards, \(values.count) values and \(mask.count) mask entries of one sequence")
        }
        var result = Advantages(
            advantages: [Double](repeating: 0, count: mask.count), returns: [Double](repeating: 0, count: mask.count))
        var nextValue = bootstrap
        var running = 0.0
        var runningTarget = 0.0
        for t in mask.indices.reversed() where mask[t] != 0 {
            let delta = rewards[t] + gamma * nextValue - values[t]
            running = delta + gamma * lambda * running
            runningTarget = delta + gamma * valueLambda * runningTarget
            result.advantages[t] = running
            result.returns[t] = runningTarget + values[t]
            nextValue = values[t]
        }
        return result
    }
}
