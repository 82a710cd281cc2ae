package import Tokenizers

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
    package var inputs: TemplateInputs
    /// The columns that are no part of the prompt, in their order.
    package var extra: [JSONValue.Member]

    package init(_ object: RowObject) throws(RowProblem) {
        prompt = try object.prompt()
        inputs = try object.templateInputs()
        extra = object.rest(without: ["prompt", "messages", "tools", "chat_template_kwargs"])
    }
}

/// `{"prompt","completion"}` as texts or turns, or `{"messages"}`, of which the assistant's turns are learned.
package struct DemonstrationRow: DatasetRow, Equatable {
    package static let shape = #"{"prompt","completion"} or {"messages"}"#
    /// Empty turns when the whole conversation is the answer.
    package var prompt: PromptText
    package var completion: AnswerText
    package var inputs: TemplateInputs

    package init(_ object: RowObject) throws(RowProblem) {
        inputs = try object.templateInputs()
        try object.checkRowIsLearned()
        if object.has("messages"), !object.has("completion") {
            let turns = try object.turns("messages")
            guard turns.contains(where: { $0.role == "assistant" }) else {
                throw RowProblem("none of 'messages' is the assistant's: there is nothing to learn")
            }
            try RowObject.checkLearned(turns, of: "messages")
            guard turns.count > 1 else { throw RowProblem("'messages' must hold a question before the answer") }
            try object.checkPrompt(isAmong: turns, of: "messages")
            prompt = .turns([])
            completion = .turns(turns)
            return
        }
        prompt = try object.prompt()
        completion = try object.answer("completion")
        switch completion {
        case .text(let text):
            guard !text.isEmpty else { throw RowProblem("the completion is empty") }
        case .turns(let turns):
            guard turns.contains(where: { $0.role == "assistant" }) else {
                throw RowProblem("none of 'completion' is the assistant's: there is nothing to learn")
            }
            try RowObject.checkLearned(turns, of: "completion")
        }
    }
}

/// Two answers to a prompt: texts or lists of turns. They may repeat the prompt, and it may be missing then.
package struct PreferenceRow: DatasetRow, Equatable {
    package static let shape = #"{"prompt","chosen","rejected"}"#
    package var prompt: PromptText
    package var chosen: AnswerText
    package var rejected: AnswerText
    package var inputs: TemplateInputs
    /// By how much the chosen answer is the better one, in units of reward; 0 when the row does not say it.
    package var margin: Double

    package init(_ object: RowObject) throws(RowProblem) {
        inputs = try object.templateInputs()
        margin = object.has("margin") ? try object.number("margin") : 0
        let chosen = try object.answer("chosen")
        let rejected = try object.answer("rejected")
        guard chosen != rejected else { throw RowProblem("'chosen' and 'rejected' are the same") }
        let parts: Pair
        switch (chosen, rejected) {
        case (.text(let chosen), .text(let rejected)): parts = try Pair(object, chosen, rejected)
        case (.turns(let chosen), .turns(let rejected)): parts = try Pair(object, chosen, rejected)
        default: throw RowProblem("'chosen' and 'rejected' must both be texts or both be lists of turns")
        }
        (prompt, self.chosen, self.rejected) = (parts.prompt, parts.chosen, parts.rejected)
    }
}

/// A prompt and two answers, apart, whichever way the row holds them.
private struct Pair {
    var prompt: PromptText
    var chosen: AnswerText
    var rejected: AnswerText

    /// Texts: `prompt` or `messages` with the answers, with or without the prompt in them, or the prompt in them alone.
    init(_ object: RowObject, _ chosen: String, _ rejected: String) throws(RowProblem) {
        var start = 0
        if object.has("prompt") || object.has("messages") {
            prompt = try object.prompt()
            // A word at the start of both answers may be the prompt by chance; several words, or a sentence of a language
            // without blanks, are not.
            if case .text(let text) = prompt, text.contains(where: \.isWhitespace) || text.utf8.count >= 12,
                Self.starts(chosen, with: text), Self.starts(rejected, with: text)
            {
                start = text.utf8.count
            }
        } else {
            // A prompt of another name must not be taken for a missing one.
            if let key = ["question", "instruction", "query", "input"].first(where: { object.has($0) }) {
                throw RowProblem("the key 'prompt' is missing; rename '\(key)' if it holds the prompt, else remove it")
            }
            start = CommonPrompt.length(chosen, rejected)
            guard start > 0 else {
                throw RowProblem("the key 'prompt' is missing, and 'chosen' and 'rejected' do not start alike")
            }
            prompt = .text(String(decoding: chosen.utf8.prefix(start), as: UTF8.self))
        }
        self.chosen = .text(String(decoding: chosen.utf8.dropFirst(start), as: UTF8.self))
        self.rejected = .text(String(decoding: rejected.utf8.dropFirst(start), as: UTF8.self))
    }

    private static func starts(_ text: String, with prompt: String) -> Bool {
        text.utf8.starts(with: prompt.utf8)
    }

    /// Turns: answers alone, or whole conversations of which the common start is the prompt.
    init(_ object: RowObject, _ chosen: [ChatMessage], _ rejected: [ChatMessage]) throws(RowProblem) {
        let isWhole = [chosen, rejected].map { turns in
            turns.first?.role != "assistant"
                || !object.has("prompt") && !object.has("messages") && turns.contains { $0.role == "user" }
        }
        guard isWhole[0] == isWhole[1] else {
            throw RowProblem("only one of 'chosen' and 'rejected' holds the conversation before the answer")
        }
        guard isWhole[0] else {
            // The answers alone.
            guard object.has("prompt") || object.has("messages") else {
                throw RowProblem("the key 'prompt' is missing, and 'chosen' and 'rejected' hold answers alone")
            }
            (prompt, self.chosen, self.rejected) = (try object.prompt(), .turns(chosen), .turns(rejected))
            return
        }
        let common = zip(chosen, rejected).prefix { $0 == $1 }.count
        // Each keeps a turn that answers, also when one conversation is the start of the other.
        let count = min(common, chosen.count - 1, rejected.count - 1)
        guard count > 0 else { throw RowProblem("'chosen' and 'rejected' answer different conversations") }
        try object.checkPrompt(isAmong: Array(chosen.prefix(count)), of: "chosen")
        prompt = .turns(Array(chosen.prefix(count)))
        self.chosen = .turns(Array(chosen.dropFirst(count)))
        self.rejected = .turns(Array(rejected.dropFirst(count)))
    }
}
