/// Prompts with their answers in the tokens of a reward model.
package struct AnswerEncoder: Sendable {
    package enum Prompt: Sendable, Equatable {
        case text(String)
        /// - Parameters:
        ///   - messages: a list of objects with `role` and `content`.
        ///   - variables: further names for the template, such as `enable_thinking`.
        case conversation(messages: JSONValue, tools: JSONValue?, variables: [JSONValue.Member])

        /// A user's turn.
        package static func question(_ text: String) -> Prompt {
            .conversation(
                messages: .array([.object([.init("role", .string("user")), .init("content", .string(text))])]),
                tools: nil, variables: [])
        }

        /// A JSON object with `messages`, and maybe `tools` and `template_arguments`.
        package init(json: String) throws(TokenizerError) {
            let value = try JSONValue(parsing: json.utf8, name: "the conversation of a prompt")
            guard let messages = value["messages"], case .array = messages else {
                throw TokenizerError(.template, "the conversation of a prompt has no list of messages")
            }
            var variables: [JSONValue.Member] = []
            if case .object(let members)? = value["template_arguments"] { variables = members }
            self = .conversation(messages: messages, tools: value["tools"], variables: variables)
        }
    }

    private let tokenizer: Tokenizer
    /// What the stage reward_model encodes with, for a model that it made: with the chat template and without.
    private let trained: (chat: ConversationEncoder, plain: ConversationEncoder)?

    package var hasTemplate: Bool { tokenizer.hasChatTemplate }

    /// - Parameter isTrainedHere: the stage reward_model made the model, so a text ends where that stage ends it, at the
    ///   token that ends the turn. Of a published model the text is what its template gives, to the last character, as
    ///   `apply_chat_template` does.
    package init(_ tokenizer: Tokenizer, isTrainedHere: Bool) throws(TokenizerError) {
        self.tokenizer = tokenizer
        trained =
            isTrainedHere
            ? (try ConversationEncoder(tokenizer), try ConversationEncoder(tokenizer, usesTemplate: false)) : nil
    }

    /// - Parameter isFinished: false for an answer that was cut: what ends a turn does not follow.
    package func tokens(
        prompt: Prompt, answer: String, isFinished: Bool = true
    ) throws(TokenizerError) -> [Int32] {
        switch prompt {
        case .text(let text):
            if let trained { return try trained.plain.answered(.text(text), .text(answer), ended: isFinished) }
            let ids = tokenizer.encode(text + answer)
            guard isFinished, let end = tokenizer.eosID, ids.last != end else { return ids }
            return ids + [end]
        case .conversation(.array(let turns), let tools, let variables):
            if let trained {
                return try trained.chat.answered(
                    .turns(turns.map(ChatMessage.init)), .text(answer),
                    TemplateInputs(tools: tools == .null ? nil : tools, arguments: variables), ended: isFinished)
            }
            let message = JSONValue.object([.init("role", .string("assistant")), .init("content", .string(answer))])
            return try rendered(turns + [message], tools, variables, answer: isFinished ? nil : answer)
        case .conversation:
            throw TokenizerError(.template, "the messages of a prompt are no list")
        }
    }

    /// A conversation that ends with an assistant's turn.
    package func tokens(messages: [ChatMessage]) throws(TokenizerError) -> [Int32] {
        guard let trained, let last = messages.last else {
            return try rendered(messages.map(\.json), nil, [], answer: nil)
        }
        return try trained.chat.answered(.turns(messages.dropLast()), .turns([last]))
    }

    /// What the template gives.
    ///
    /// - Parameter answer: of the last turn, where the text is to end after it.
    private func rendered(
        _ messages: [JSONValue], _ tools: JSONValue?, _ variables: [JSONValue.Member], answer: String?
    ) throws(TokenizerError) -> [Int32] {
        let names = tokenizer.templateVariables(.array(messages), tools: tools, addGenerationPrompt: false)
        var text = try tokenizer.chatTemplate().render(names + variables)
        if let answer, let end = Self.end(of: answer, in: text) { text = String(text[..<end]) }
        return tokenizer.encode(text, addSpecialTokens: false)
    }

    /// Where the answer ends that the template has put last; many templates trim it.
    private static func end(of answer: String, in text: String) -> String.Index? {
        let bytes = Array(text.utf8)
        for wanted in [Array(answer.utf8), trimmed(answer)] where !wanted.isEmpty && wanted.count <= bytes.count {
            var start = bytes.count - wanted.count
            while start >= 0 {
                if bytes[start..<start + wanted.count].elementsEqual(wanted) {
                    return text.utf8.index(text.startIndex, offsetBy: start + wanted.count)
                }
                start -= 1
            }
        }
        return nil
    }

    private static func trimmed(_ text: String) -> [UInt8] {
        func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
        return Array(text.utf8.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
