package import RunConfiguration

/// Rewards as the run file describes them; scorers and evaluation make theirs here.
package enum RewardFunctions {
    /// - Returns: nil for kinds that are computed elsewhere: a model's, a worker's, and the gold score of evaluation.
    /// - Throws: ``RewardError`` that names the reward and what to change.
    package static func make(_ reward: RewardSection) throws -> (any RewardFunction)? {
        switch reward.kind {
        case .length(let keys):
            return LengthReward(
                name: reward.name, target: keys.target, minimum: keys.minimum, maximum: keys.maximum,
                perToken: keys.perToken)
        case .regex(let keys):
            return try RegexReward(
                name: reward.name, pattern: keys.pattern, matchScore: keys.matchScore, missScore: keys.missScore)
        case .keyword(let keys):
            return KeywordReward(
                name: reward.name, words: keys.words, scoreEach: keys.scoreEach, maximum: keys.maximum,
                caseSensitive: keys.caseSensitive)
        case .math(let keys):
            return MathReward(
                name: reward.name, answerKey: keys.answerKey, matchScore: keys.matchScore, missScore: keys.missScore)
        case .command(let keys):
            return CommandReward(name: reward.name, argv: keys.argv, timeout: keys.timeout, retries: keys.retries)
        case .http(let keys):
            let format: RewardFormat =
                switch keys.format {
                case .plain: .plain(labelKey: keys.labelKey)
                case .openai: .openai(model: keys.model)
                case .sglang: .sglang(model: keys.model)
                }
            return try HTTPReward(
                name: reward.name, url: keys.url, format: format,
                tokenVariable: keys.tokenVariable, batch: keys.batch, timeout: keys.timeout, retries: keys.retries)
        case .swift(let keys): return try SwiftRewards.make(keys.function, name: reward.name)
        case .model, .worker, .gold: return nil
        }
    }
}
