/// Rewards written in Swift. To add one: a type that conforms to ``RewardFunction`` in a file of this folder, a line in
/// ``all``, and in the run file `rewards: [{kind: swift, function: NAME}]`.
package enum SwiftRewards {
    /// Name in run files -> how to make it; the argument is the reward's name in metrics.
    package static let all: [String: @Sendable (String) -> any RewardFunction] = [
        "distinct_words": { DistinctWordsReward(name: $0) }
    ]

    package static func make(_ function: String, name: String) throws -> any RewardFunction {
        guard let make = all[function] else {
            let known = all.keys.sorted().joined(separator: ", ")
            throw RewardError(
                "reward \(name): no function '\(function)' is registered; there are \(known)", isPermanent: true)
        }
        return make(name)
    }
}

/// Share of the words of an answer that are not repetitions, from 0 to 1: a counterweight to rewards that are won by
/// saying one good word again and again, and the example of a reward in Swift.
package struct DistinctWordsReward: RewardFunction {
    package let name: String

    package init(name: String) { self.name = name }

    package func score(_ inputs: [RewardInput]) -> [Float?] {
        inputs.map { input in
            let words = input.response.lowercased().split { !$0.isLetter && !$0.isNumber }
            return words.isEmpty ? 0 : Float(Set(words).count) / Float(words.count)
        }
    }
}
