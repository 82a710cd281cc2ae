package import Tokenizers

/// What a reward gets beside prompt and answer, from the texts that travel with a prompt.
package struct RewardColumns: Sendable {
    /// A JSON object of the columns that are no part of the prompt.
    package let extra: JSONValue
    /// The turns of a prompt that is a conversation.
    package let messages: JSONValue?

    /// - Parameters:
    ///   - extra: a JSON object, or empty.
    ///   - conversation: a JSON object with `messages`, or empty.
    package init(extra: String, conversation: String) throws(JSONProblem) {
        // Rows may hold numbers that are not finite, as Python writes them.
        self.extra = extra.isEmpty ? .object([]) : try JSONValue(line: extra.utf8)
        messages = conversation.isEmpty ? nil : try JSONValue(line: conversation.utf8)["messages"]
    }
}
