package import Tokenizers

/// One answer to be rewarded.
package struct RewardInput: Sendable {
    package var prompt: String
    package var response: String
    /// Prompt and answer as one text: as the policy saw them, special tokens and chat template included, where a reward
    /// asks for that; else one after the other.
    package var text: String
    /// Tokens of the response.
    package var tokens: Int
    /// A JSON object: the columns of the prompt's line that are no part of the prompt, `answer` or `label` for example.
    package var extra: JSONValue
    /// The turns of the prompt, a JSON array; nil when the prompt is a text.
    package var messages: JSONValue?

    package init(
        prompt: String, response: String, text: String? = nil, tokens: Int, extra: JSONValue = .object([]),
        messages: JSONValue? = nil
    ) {
        self.prompt = prompt
        self.response = response
        self.text = text ?? prompt + response
        self.tokens = tokens
        self.extra = extra
        self.messages = messages
    }
}

extension RewardInput {
    /// Whether a column holds NaN or Infinity, as Python writes them; programs and servers get null in their place.
    var hasNumbersBeyondJSON: Bool { !extra.isFinite || messages?.isFinite == false }

    /// - Parameter name: of the reward.
    static func beyondJSON(_ name: String) -> String {
        "reward \(name): a column of the prompts holds NaN or a number too large for JSON, and the reward got null for it"
    }
}

/// A reward by rule, or by whatever else a conforming type computes. A scorer keeps one value for the whole run and
/// calls it for one job at a time. To add one of your own, see ``SwiftRewards``.
package protocol RewardFunction: Sendable {
    var name: String { get }
    /// One value an input; nil where this reward failed, which is never the same as 0. A value that is not finite counts as
    /// nil.
    func score(_ inputs: [RewardInput]) async throws -> [Float?]
    /// The same, for a reward that can take longer than a lease lasts or has something to say; by default the other.
    func score(_ inputs: [RewardInput], context: RewardContext) async throws -> [Float?]
}

extension RewardFunction {
    package func score(_ inputs: [RewardInput], context: RewardContext) async throws -> [Float?] {
        try await score(inputs)
    }
}

/// What a reward that takes its time tells the scorer.
package struct RewardContext: Sendable {
    /// Renews the lease of the job: to be called about every second by a reward that waits, and that gives up waiting
    /// by itself. False: the job was called back and nobody wants the values any more.
    package let progress: @Sendable () -> Bool
    /// Why values are nil; goes to the scorer's log and into the job's result.
    package let note: @Sendable (String) -> Void
    /// The same when what computes the values did not answer, so that later answers may not have one either.
    package let outage: @Sendable (String) -> Void
    /// Whether what fails is to be thrown in place of noted: nobody wants to go on with a reward that does not work.
    package let isTrial: Bool

    package init(
        progress: @escaping @Sendable () -> Bool, note: @escaping @Sendable (String) -> Void,
        outage: (@Sendable (String) -> Void)? = nil, isTrial: Bool = false
    ) {
        self.progress = progress
        self.note = note
        self.outage = outage ?? note
        self.isTrial = isTrial
    }
}

/// What is wrong with a reward; the message says what to change.
package struct RewardError: Error, Sendable, CustomStringConvertible {
    package let message: String
    /// Trying again cannot help: the run file or the environment is wrong.
    package let isPermanent: Bool
    package init(_ message: String, isPermanent: Bool = false) {
        self.message = message
        self.isPermanent = isPermanent
    }
    package var description: String { message }
}
