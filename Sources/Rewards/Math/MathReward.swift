import Tokenizers

/// One score when the result of an answer equals the one in the prompt's line, another when it does not.
///
/// The result of an answer is its last `\boxed{…}`; else what follows its last `####`; else its last formula between `$`
/// or number. Results are equal when they are the same number, formula, tuple, set, interval or word, in whatever
/// notation: see ``MathResult``.
package struct MathReward: RewardFunction {
    package let name: String
    private let answerKey: String
    private let matchScore: Double
    private let missScore: Double

    package init(name: String, answerKey: String, matchScore: Double, missScore: Double) {
        self.name = name
        self.answerKey = answerKey
        self.matchScore = matchScore
        self.missScore = missScore
    }

    package func score(_ inputs: [RewardInput]) -> [Float?] {
        score(inputs, context: RewardContext(progress: { true }, note: { _ in }))
    }

    package func score(_ inputs: [RewardInput], context: RewardContext) -> [Float?] {
        let values = inputs.map { input -> Float? in
            _ = context.progress()
            let right = Self.results(input.extra[answerKey] ?? .null)
            guard !right.isEmpty else { return nil }
            let found = MathExtraction.result(ofAnswer: input.response).map { MathResult($0) }
            let isRight = found.map { found in right.contains { $0.equals(found) } } ?? false
            return Float(isRight ? matchScore : missScore)
        }
        if values.contains(nil) {
            context.note(
                "reward \(name): lines of the prompts have no result in the column '\(answerKey)' (rewards: answer_key)"
            )
        }
        return values
    }

    /// What the column holds: a text, a number, or a list of which each element is right.
    static func results(_ value: JSONValue) -> [MathResult] {
        switch value {
        case .string(let text): MathExtraction.result(ofLabel: text).map { [MathResult($0)] } ?? []
        case .integer, .largeInteger, .number: [MathResult(value.json)]
        case .array(let list): list.flatMap { results($0) }
        case .null, .bool, .object: []
        }
    }
}
