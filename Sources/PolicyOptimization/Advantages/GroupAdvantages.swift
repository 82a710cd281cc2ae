/// Advantages of whole answers, without a critic: an answer is compared with the others of its prompt or batch.
package enum GroupAdvantages {
    /// RLOO (Ahmadian et al. 2024): the reward less the mean of the prompt's other samples; a prompt with a single
    /// sample has nothing to be compared with and gets 0.
    ///
    /// - Parameter groups: which prompt each reward belongs to.
    package static func leaveOneOut(_ rewards: [Double], groups: [Int]) -> [Double] {
        let sums = totals(rewards, groups)
        return zip(rewards, groups).map { reward, group in
            guard let total = sums[group], total.count > 1 else { return 0 }
            return reward - (total.sum - reward) / Double(total.count - 1)
        }
    }

    /// GRPO (Shao et al. 2024): distance to the mean of the prompt's samples in units of their deviation.
    ///
    /// - Parameter scaled: false leaves the deviation out (Liu et al. 2025, "Dr. GRPO").
    package static func groupNormalized(_ rewards: [Double], groups: [Int], scaled: Bool = true) -> [Double] {
        let sums = totals(rewards, groups)
        var squares: [Int: Double] = [:]
        for (reward, group) in zip(rewards, groups) {
            let centred = reward - mean(sums[group])
            squares[group, default: 0] += centred * centred
        }
        return zip(rewards, groups).map { reward, group in
            guard let total = sums[group], total.count > 1 else { return 0 }
            let centred = reward - mean(total)
            guard scaled else { return centred }
            let variance = (squares[group] ?? 0) / Double(total.count - 1)
            return centred / (variance.squareRoot() + 1e-6)
        }
    }

    /// REINFORCE++ (Hu 2025): each token's advantage is the discounted sum of the rewards from it on; the batch is
    /// then whitened by the caller as every estimator's is.
    package static func rewardsToGo(_ rewards: [Double], mask: [UInt8], gamma: Double = 1) -> [Double] {
        var result = [Double](repeating: 0, count: rewards.count)
        var running = 0.0
        for t in rewards.indices.reversed() where t < mask.count && mask[t] != 0 {
            running = rewards[t] + gamma * running
            result[t] = running
        }
        return result
    }

    private static func mean(_ total: (sum: Double, count: Int)?) -> Double {
        guard let total, total.count > 0 else { return 0 }
        return total.sum / Double(total.count)
    }

    private static func totals(_ rewards: [Double], _ groups: [Int]) -> [Int: (sum: Double, count: Int)] {
        var result: [Int: (sum: Double, count: Int)] = [:]
        for (reward, group) in zip(rewards, groups) {
            let old = result[group] ?? (0, 0)
            result[group] = (old.sum + reward, old.count + 1)
        }
        return result
    }
}
