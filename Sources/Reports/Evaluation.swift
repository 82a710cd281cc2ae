/// `evaluation.json`: the policy against the model it started from, on held-out prompts.
package struct Evaluation: Codable, Sendable, Equatable {
    package struct Side: Codable, Sendable, Equatable {
        package var gold: Double
        package var reward: Double
        package var length: Double

        package init(gold: Double, reward: Double, length: Double) {
            self.gold = gold
            self.reward = reward
            self.length = length
        }
    }

    package struct Sample: Codable, Sendable, Equatable {
        package var prompt: String
        package var before: String
        package var after: String

        package init(prompt: String, before: String, after: String) {
            self.prompt = prompt
            self.before = before
            self.after = after
        }
    }

    package var before: Side
    package var after: Side
    package var prompts: Int
    /// Share of the prompts on which the policy's answer has the higher gold score; ties count one half.
    package var goldWinRate: Double
    /// Mean nats a sequence from the reference, under samples of the policy.
    package var sequenceKL: Double
    package var klBudget: Double
    package var samples: [Sample]
    /// Mean gold score of the answers that the run kept of each step, which no step learned from: step -> mean.
    package var goldByStep: [Int: Double]

    package init(
        before: Side, after: Side, prompts: Int, goldWinRate: Double, sequenceKL: Double, klBudget: Double,
        samples: [Sample], goldByStep: [Int: Double] = [:]
    ) {
        self.before = before
        self.after = after
        self.prompts = prompts
        self.goldWinRate = goldWinRate
        self.sequenceKL = sequenceKL
        self.klBudget = klBudget
        self.samples = samples
        self.goldByStep = goldByStep
    }
}
