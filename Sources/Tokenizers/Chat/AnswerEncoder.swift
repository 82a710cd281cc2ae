/// Prompts with their answers in the tokens of a reward model.
package struct AnswerEncoder: Sendable {
    private let encoder: ConversationEncoder
    private let isTrainedHere: Bool

    /// - Parameters:
    ///   - isTrainedHere: the stage reward_model made the model, so a text ends where that stage ends it, at the token that
    ///     ends the turn. Of a published model the text is what its template gives, to the last character, as
    ///     `apply_chat_template` does.
    ///   - usesTemplate: false for plain text, whatever the tokenizer has.
    ///   - arguments: further names for the template, as a JSON object.
    ///   - clock: see ``ConversationEncoder``.
    package init(
        _ tokenizer: Tokenizer, isTrainedHere: Bool, usesTemplate: Bool = true, arguments: String? = nil,
        clock: Double? = nil
    ) throws(TokenizerError) {
        encoder = try ConversationEncoder(tokenizer, usesTemplate: usesTemplate, arguments: arguments, clock: clock)
        self.isTrainedHere = isTrainedHere
    }

    /// - Parameters:
    ///   - text: of the prompt.
    ///   - conversation: the same as a JSON object with `messages`, and maybe `tools` and `template_arguments`, which the
    ///     template gets in place of the text; empty when the prompt is a text.
    ///   - isFinished: false for an answer that was cut: what ends a turn does not follow.
    package func tokens(
        prompt text: String, conversation: String, answer: String, isFinished: Bool
    ) throws(TokenizerError) -> [Int32] {
        guard encoder.usesTemplate, !conversation.isEmpty else {
            return try tokens(.text(text), .text(answer), isFinished: isFinished)
        }
        let (turns, inputs) = try Self.read(conversation)
        return try tokens(.turns(turns), .text(answer), inputs, isFinished: isFinished)
    }

    /// Refuses a prompt that the model's template refuses or does not show, before an answer to it is to be scored.
    package func check(prompt text: String, conversation: String) throws(TokenizerError) {
        _ = try tokens(prompt: text, conversation: conversation, answer: "yes", isFinished: true)
    }

    package func tokens(
        _ prompt: PromptText, _ answer: AnswerText, _ inputs: TemplateInputs = TemplateInputs(), isFinished: Bool = true
    ) throws(TokenizerError) -> [Int32] {
        if isTrainedHere { return try encoder.answered(prompt, answer, inputs, ended: isFinished) }
        let tokenizer = encoder.tokenizer
        guard encoder.usesTemplate else {
            let parts = try encoder.plain(prompt, answer)
            let text = parts.prompt + parts.completion
            guard isFinished else {
                return tokenizer.postProcessor.prefix + tokenizer.encode(text, addSpecialTokens: false)
            }
            let ids = tokenizer.encode(text)
            guard let end = tokenizer.eosID, ids.last != end else { return ids }
            return ids + [end]
        }
        let text = try encoder.text(prompt, answer, inputs)
        return tokenizer.encode(isFinished ? text : try withoutEnd(text, prompt, inputs), addSpecialTokens: false)
    }

    /// The text without what the template writes behind an answer. That is found behind an answer that stands nowhere else:
    /// the letters of a short one also stand in tokens that end a turn.
    private func withoutEnd(
        _ text: String, _ prompt: PromptText, _ inputs: TemplateInputs
    ) throws(TokenizerError) -> String {
        let mark = "zqanswerzq"
        let marked = Array(try encoder.text(prompt, .text(mark), inputs).utf8)
        guard let place = TextBytes.findLast(Array(mark.utf8), in: marked) else { return text }
        let end = marked[(place + mark.utf8.count)...]
        let bytes = Array(text.utf8)
        guard bytes.count >= end.count, bytes.suffix(end.count).elementsEqual(end) else { return text }
        return String(decoding: bytes.dropLast(end.count), as: UTF8.self)
    }

    private static func read(_ json: String) throws(TokenizerError) -> ([ChatMessage], TemplateInputs) {
        let value: JSONValue
        do throws(JSONProblem) {
            // Rows may hold numbers that are not finite, as Python writes them.
            value = try JSONValue(line: json.utf8)
        } catch {
            throw TokenizerError(.template, "the conversation of a prompt is not JSON: \(error.reason)")
        }
        guard let messages = value["messages"]?.array else {
            throw TokenizerError(.template, "the conversation of a prompt has no list of messages")
        }
        let tools = value["tools"] == .null ? nil : value["tools"]
        return (
            messages.map(ChatMessage.init),
            TemplateInputs(tools: tools, arguments: value["template_arguments"]?.members ?? [])
        )
    }
}
