/// The answers of one model to the held-out prompts, and what rewards made of them.
package struct MeasuredAnswers: Sendable, Equatable {
    /// A reward with its share in the score.
    package struct Reward: Sendable, Equatable {
        package var name: String
        package var weight: Double
        /// [prompt][sample]; nil where the reward failed.
        package var values: [[Float?]]

        package init(name: String, weight: Double, values: [[Float?]]) {
            self.name = name
            self.weight = weight
            self.values = values
        }
    }

    /// [prompt]
    package var prompts: [String]
    /// [prompt][sample]
    package var texts: [[String]]
    package var lengths: [[Int]]
    /// Nats of each answer from the reference; empty when it was not measured.
    package var sequenceKL: [[Double]]
    package var rewards: [Reward]

    package init(
        prompts: [String], texts: [[String]], lengths: [[Int]], sequenceKL: [[Double]] = [], rewards: [Reward]
    ) {
        self.prompts = prompts
        self.texts = texts
        self.lengths = lengths
        self.sequenceKL = sequenceKL
        self.rewards = rewards
    }

    package var samples: Int { texts.first?.count ?? 0 }

    /// The sum of the rewards times their weights, nil for an answer that lacks one of them; nil without any reward that
    /// counts.
    package var score: Reward? {
        let weighted = rewards.filter { $0.weight != 0 }
        guard !weighted.isEmpty else { return nil }
        let values = texts.indices.map { prompt in
            texts[prompt].indices.map { sample -> Float? in
                var sum = 0.0
                for reward in weighted {
                    guard let value = reward.values[prompt][sample] else { return nil }
                    sum += reward.weight * Double(value)
                }
                return Float(sum)
            }
        }
        return Reward(name: "score", weight: 1, values: values)
    }
}

extension MeasuredAnswers.Reward {
    var failed: Int { values.reduce(0) { $0 + $1.count { $0 == nil } } }

    /// Of each prompt, without those that failed.
    var known: [[Double]] { values.map { $0.compactMap { $0.map(Double.init) } } }

    var isRightOrWrong: Bool {
        let all = known.joined()
        return !all.isEmpty && all.allSatisfy { $0 == 0 || $0 == 1 }
    }

    /// The mean over prompts of pass@k; nil when no prompt has k answers with a value.
    func pass(_ k: Int, prompts: [Int]) -> Estimate? {
        let known = known
        let rates = prompts.compactMap { prompt in
            let answers = known[prompt]
            return PassAtK.estimate(answers: answers.count, right: answers.count { $0 == 1 }, k: k)
        }
        return Estimate.share(rates.map { [$0] }, behind: prompts.reduce(0) { $0 + known[$1].count })
    }
}

/// For which k pass@k is reported.
package func passSizes(samples: Int) -> [Int] { Array(sequence(first: 1) { $0 * 2 }.prefix { $0 <= samples }) }
