/// One turn of a conversation.
package struct ChatTurn: Sendable, Hashable, Codable {
    /// `system`, `user`, `assistant`, …
    package var role: String
    package var content: String

    package init(role: String, content: String) {
        self.role = role
        self.content = content
    }
}

/// What a model is asked: plain text, or turns that go through a chat template.
package enum PromptText: Sendable, Hashable {
    case text(String)
    case turns([ChatTurn])

    /// Plain text of it, for rewards, reports and people; turns are joined line by line.
    package var plain: String {
        switch self {
        case .text(let text): text
        case .turns(let turns): turns.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
        }
    }
}

/// `{"text"}`
package struct TextRow: DatasetRow, Equatable {
    package static let shape = #"{"text"}"#
    package var text: String

    package init(_ object: RowObject) throws(RowProblem) {
        text = try object.text("text")
    }
}

/// `{"prompt"}` or `{"messages"}` that end with a user's turn.
package struct PromptRow: DatasetRow, Equatable {
    package static let shape = #"{"prompt"} or {"messages"}"#
    package var prompt: PromptText

    package init(_ object: RowObject) throws(RowProblem) {
        prompt = try object.prompt()
    }
}

/// `{"prompt","completion"}`, or `{"messages"}` whose last turn is the assistant's.
package struct DemonstrationRow: DatasetRow, Equatable {
    package static let shape = #"{"prompt","completion"} or {"messages"}"#
    package var prompt: PromptText
    package var completion: String

    package init(_ object: RowObject) throws(RowProblem) {
        if object.has("messages"), !object.has("completion") {
            var turns = try object.turns("messages")
            guard let last = turns.popLast(), last.role == "assistant" else {
                throw RowProblem("the last of 'messages' must be the assistant's")
            }
            guard !turns.isEmpty else { throw RowProblem("'messages' must hold a question before the answer") }
            prompt = .turns(turns)
            completion = last.content
        } else {
            prompt = try object.prompt()
            completion = try object.answer("completion").text
        }
        guard !completion.isEmpty else { throw RowProblem("the completion is empty") }
    }
}

/// `{"prompt","chosen","rejected"}`; the answers are texts or lists of turns, which may repeat the prompt.
package struct PreferenceRow: DatasetRow, Equatable {
    package static let shape = #"{"prompt","chosen","rejected"}"#
    package var prompt: PromptText
    package var chosen: String
    package var rejected: String

    package init(_ object: RowObject) throws(RowProblem) {
        let chosen = try object.answer("chosen")
        let rejected = try object.answer("rejected")
        if object.has("prompt") || object.has("messages") {
            prompt = try object.prompt()
        } else {
            guard !chosen.before.isEmpty else { throw RowProblem("the key 'prompt' is missing") }
            guard chosen.before == rejected.before else {
                throw RowProblem("'chosen' and 'rejected' answer different conversations")
            }
            prompt = .turns(chosen.before)
        }
        guard chosen.text != rejected.text else { throw RowProblem("'chosen' and 'rejected' are the same") }
        self.chosen = chosen.text
        self.rejected = rejected.text
    }
}
