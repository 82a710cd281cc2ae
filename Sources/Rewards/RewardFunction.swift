/// One answer to be rewarded.
package struct RewardInput: Sendable {
    package var prompt: String
    package var response: String
    /// Tokens of the response.
    package var tokens: Int

    package init(prompt: String, response: String, tokens: Int) {
        self.prompt = prompt
        self.response = response
        self.tokens = tokens
    }
}

/// A reward by rule, or by whatever else a conforming type computes.
package protocol RewardFunction: Sendable {
    var name: String { get }
    /// One value an input; nil where this reward failed, which is never the same as 0.
    func score(_ inputs: [RewardInput]) async throws -> [Float?]
}

/// What is wrong with a reward; the message says what to change.
package struct RewardError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}
