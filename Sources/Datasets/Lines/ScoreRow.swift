package import Tokenizers

/// What a reward model is to score: `{"prompt","response"}`, `{"messages"}` whose last turn is the assistant's, or
/// `{"text"}`.
package struct ScoreRow: DatasetRow, Equatable {
    package enum Content: Sendable, Equatable {
        case answer(PromptText, AnswerText)
        case conversation([ChatMessage])
        /// Read as it stands.
        case text(String)
    }

    package static let shape = #"{"prompt","response"}, {"messages"} or {"text"}"#
    package var content: Content
    package var inputs: TemplateInputs

    package init(_ object: RowObject) throws(RowProblem) {
        inputs = try object.templateInputs()
        if object.has("response") {
            content = .answer(try object.prompt(), try object.answer("response"))
        } else if object.has("messages") {
            let turns = try object.turns("messages")
            guard turns.last?.role == "assistant" else {
                throw RowProblem("the last of 'messages' must be the assistant's, since it is what is scored")
            }
            content = .conversation(turns)
        } else if object.has("text") {
            content = .text(try object.text("text"))
        } else {
            throw RowProblem(
                object.has("prompt")
                    ? "the key 'response' is missing" : "none of 'response', 'messages', 'text' is there")
        }
    }
}
