/// -perToken for each token of distance to the target, or outside the bounds.
package struct LengthReward: RewardFunction {
    package let name: String
    private let target: Int?
    private let minimum: Int?
    private let maximum: Int?
    private let perToken: Double

    package init(name: String, target: Int?, minimum: Int?, maximum: Int?, perToken: Double) {
        self.name = name
        self.target = target
        self.minimum = minimum
        self.maximum = maximum
        self.perToken = perToken
    }

    package func score(_ inputs: [RewardInput]) -> [Float?] {
        inputs.map { input in
            var distance = 0
            if let target { distance += abs(input.tokens - target) }
            if let minimum { distance += max(0, minimum - input.tokens) }
            if let maximum { distance += max(0, input.tokens - maximum) }
            return Float(-perToken * Double(distance))
        }
    }
}

/// A score for each word or phrase that the answer holds, up to a maximum.
package struct KeywordReward: RewardFunction {
    package let name: String
    private let words: [String]
    private let scoreEach: Double
    private let maximum: Double?
    private let caseSensitive: Bool

    package init(name: String, words: [String], scoreEach: Double, maximum: Double?, caseSensitive: Bool) {
        self.name = name
        self.words = caseSensitive ? words : words.map { $0.lowercased() }
        self.scoreEach = scoreEach
        self.maximum = maximum
        self.caseSensitive = caseSensitive
    }

    package func score(_ inputs: [RewardInput]) -> [Float?] {
        inputs.map { input in
            let text = caseSensitive ? input.response : input.response.lowercased()
            let sum = Double(words.count { text.contains($0) }) * scoreEach
            guard let maximum else { return Float(sum) }
            return Float(max(-maximum, min(maximum, sum)))
        }
    }
}
