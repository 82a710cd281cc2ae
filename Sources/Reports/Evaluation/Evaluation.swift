/// `evaluation.json`: the policy against the model it started from, on held-out prompts.
package struct Evaluation: Codable, Sendable, Equatable {
    /// What both sides got of one measure.
    package struct Comparison: Codable, Sendable, Equatable {
        package var before: Estimate?
        package var after: Estimate?
        /// After less before, with the interval of differences prompt by prompt.
        package var difference: Estimate?

        package init(before: Estimate? = nil, after: Estimate? = nil, difference: Estimate? = nil) {
            self.before = before
            self.after = after
            self.difference = difference
        }
    }

    package struct Pass: Codable, Sendable, Equatable {
        package var k: Int
        package var before: Estimate?
        package var after: Estimate?
    }

    /// One reward, or the sum of all times their weights. Both sides are measured on the prompts that both have a value of.
    package struct Figure: Codable, Sendable, Equatable {
        package var name: String
        package var weight: Double
        package var values: Comparison
        /// Share of the prompts that the policy wins; ties count one half. With several answers to a prompt each is
        /// compared with each.
        package var winRate: Estimate?
        /// For k = 1, 2, 4, ...; empty unless every value is 0 or 1.
        package var passAtK: [Pass]
        /// Answers without a value.
        package var failedBefore: Int
        package var failedAfter: Int
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var prompt: String
        package var before: String
        package var after: String
        /// By the sum of the rewards.
        package var scoreBefore: Double?
        package var scoreAfter: Double?

        package init(
            prompt: String, before: String, after: String, scoreBefore: Double? = nil, scoreAfter: Double? = nil
        ) {
            self.prompt = prompt
            self.before = before
            self.after = after
            self.scoreBefore = scoreBefore
            self.scoreAfter = scoreAfter
        }
    }

    package var prompts: Int
    /// Answers to each prompt.
    package var samples: Int
    /// The sum of the rewards times their weights; nil when none could be computed.
    package var score: Figure?
    package var rewards: [Figure]
    /// Tokens of an answer.
    package var length: Comparison
    /// Nats a sequence from the reference, under samples of the policy.
    package var sequenceKL: Estimate?
    package var klBudget: Double
    /// With the lowest and the highest score of the policy, lowest first.
    package var answers: [Answer]
    /// What was left out, and why.
    package var notes: [String]

    /// What the win rate is by, for people.
    package var scoreName: String {
        let weighted = rewards.filter { $0.weight != 0 }
        return weighted.count == 1 ? weighted[0].name : "score"
    }

    /// The sum has a row of its own where it is more than one of the rewards.
    package var rows: [Figure] {
        let isOneReward = rewards.count { $0.weight != 0 } == 1 && rewards.contains { $0.weight == 1 }
        return (isOneReward ? [] : [score].compactMap(\.self)) + rewards
    }
}
