/// Turns prompts, answers and conversations into token ids, as every stage of training, PPO and evaluation needs them: the
/// one place that decides what a conversation looks like to the model, and which of its tokens are the assistant's.
///
/// A text is encoded once, as a whole, and then split, since the parts of it may have other tokens by themselves.
/// Immutable apart from a cache of what templates write around words, so one instance serves all threads.
package struct ConversationEncoder: Sendable {
    /// Which turns of a conversation are learned.
    package enum Learning: Sendable { case all, last }

    package let tokenizer: Tokenizer
    private let template: ChatTemplate?
    private let toolTemplate: ChatTemplate?
    let shape: TurnShape?
    private let arguments: [JSONValue.Member]
    /// Whether turns become lines of `role: text`, since no template is wanted.
    private let joinsTurns: Bool
    private let cache = RenderingCache()
    /// What the clock shows that the template prints, see ``ChatTemplate/rendering(_:clock:)``: the same for all texts.
    private let clock: Double

    /// - Parameters:
    ///   - usesTemplate: false for plain text, whatever the tokenizer has; turns are joined line by line then, and of a
    ///     conversation the last turn alone is learned.
    ///   - arguments: further names for the template, such as `enable_thinking`, as a JSON object; a row's own count more.
    ///   - clock: seconds since 1970 in local time, for templates that print the date; nil for the time of the call.
    package init(
        _ tokenizer: Tokenizer, usesTemplate: Bool = true, arguments: String? = nil, clock: Double? = nil
    ) throws(TokenizerError) {
        self.tokenizer = tokenizer
        self.clock = clock ?? TemplateClock.localTime()
        joinsTurns = !usesTemplate
        template = usesTemplate && tokenizer.hasChatTemplate ? try tokenizer.chatTemplate() : nil
        toolTemplate =
            template != nil && tokenizer.hasChatTemplate(named: "tool_use")
            ? try tokenizer.chatTemplate(named: "tool_use") : nil
        self.arguments =
            try arguments.map { text throws(TokenizerError) in
                guard let members = try JSONValue(parsing: text.utf8, name: "template arguments").members else {
                    throw TokenizerError(.format, "template arguments must be an object, such as {\"key\": true}")
                }
                if let key = TemplateInputs.reserved(members) {
                    throw TokenizerError(.format, "template arguments cannot set '\(key)'")
                }
                return members
            } ?? []
        shape = template.map { [arguments = self.arguments] in TurnShape(of: $0, tokenizer, arguments: arguments) }
    }

    package var usesTemplate: Bool { template != nil }

    /// Names of ``init(_:usesTemplate:arguments:)`` that the template does not read.
    package var unreadArguments: [String] {
        arguments.map(\.key).filter { key in
            !(template?.names(key) ?? false) && !(toolTemplate?.names(key) ?? false)
        }
    }

    /// The ids of a prompt, up to where the answer starts.
    package func prompt(
        _ prompt: PromptText, _ inputs: TemplateInputs = TemplateInputs()
    ) throws(TokenizerError) -> [Int32] {
        guard template != nil else {
            // What a tokenizer puts behind a text does not stand between a prompt and its answer.
            return tokenizer.postProcessor.prefix
                + tokenizer.encode(try plain(prompt), addSpecialTokens: false)
        }
        let shown = try shown(try messages(prompt, inputs), inputs)
        let text = try render(shown: shown, inputs, open: true).text
        try checkShown(MarkedConversation(shown, marking: { _ in true }, unlike: Array(text.utf8)), inputs, open: true)
        return tokenizer.encode(text, addSpecialTokens: false)
    }

    /// The ids of a prompt with an answer, or of a conversation when the prompt is an empty list of turns. They end where
    /// the last learned turn ends.
    package func encode(
        _ prompt: PromptText, _ answer: AnswerText, _ inputs: TemplateInputs = TemplateInputs(),
        learning: Learning = .all
    ) throws(TokenizerError) -> EncodedConversation {
        guard template != nil else {
            let (prompt, completion) = try plain(prompt, answer)
            return encode(prompt, completion: completion)
        }
        let before = try messages(prompt, inputs)
        let all = before + (try checked(answer.turns, inputs))
        return encode(try AssistantSpans(all, from: before.count, learning, inputs, self, useMarks: true))
    }

    /// The ids of a prompt with an answer, up to the token that ends the answer: what a reward model reads.
    ///
    /// - Parameter ended: false for an answer that was cut off, which has no such token.
    package func answered(
        _ prompt: PromptText, _ answer: AnswerText, _ inputs: TemplateInputs = TemplateInputs(), ended: Bool = true
    ) throws(TokenizerError) -> [Int32] {
        var tokens = try answeredConversation(prompt, answer, inputs).tokens
        if !ended, let last = tokens.last, tokenizer.answerEnds.contains(last) { tokens.removeLast() }
        return tokens
    }

    /// The same with the place of the answer's last turn, whatever generation marks say.
    package func answeredConversation(
        _ prompt: PromptText, _ answer: AnswerText, _ inputs: TemplateInputs = TemplateInputs()
    ) throws(TokenizerError) -> EncodedConversation {
        guard template != nil else { return try encode(prompt, answer, inputs) }
        let before = try messages(prompt, inputs)
        let all = before + (try checked(answer.turns, inputs))
        return encode(try AssistantSpans(all, from: before.count, .last, inputs, self, useMarks: false))
    }

    /// The ids of a text with the end-of-text token behind it, once.
    package func encodeText(_ text: String) -> [Int32] { encode("", completion: text).tokens }

    /// A prompt and its completion without a template; the completion ends with the end-of-text token, once.
    private func encode(_ prompt: String, completion: String) -> EncodedConversation {
        let split = SplitEncoding(prompt + completion, at: [prompt.utf8.count], tokenizer)
        let (prefix, suffix) = (tokenizer.postProcessor.prefix, tokenizer.postProcessor.suffix)
        var tokens = prefix + split.ids
        if split.ids.isEmpty || split.ids.last != tokenizer.eosID {
            tokens += suffix
            if let end = tokenizer.eosID, suffix.last != end { tokens.append(end) }
        }
        let start = prompt.isEmpty ? 0 : prefix.count + (split.places.first?.before ?? 0)
        return EncodedConversation(tokens: tokens, learned: start < tokens.count ? [start..<tokens.count] : [])
    }

    private func encode(_ spans: AssistantSpans) -> EncodedConversation {
        let split = SplitEncoding(spans.text, at: spans.ranges.flatMap { [$0.lowerBound, $0.upperBound] }, tokenizer)
        var learned: [Range<Int>] = []
        for index in spans.ranges.indices {
            let start = max(split.places[2 * index].before, learned.last?.upperBound ?? 0)
            let end = split.places[2 * index + 1].reaching
            if start < end { learned.append(start..<end) }
        }
        return EncodedConversation(tokens: Array(split.ids.prefix(learned.last?.upperBound ?? 0)), learned: learned)
    }

    // MARK: Rendering

    /// All that the template gives for a prompt with its answer.
    func text(
        _ prompt: PromptText, _ answer: AnswerText, _ inputs: TemplateInputs
    ) throws(TokenizerError) -> String {
        let shown = try shown(try messages(prompt, inputs) + checked(answer.turns, inputs), inputs)
        let text = try render(shown: shown, inputs, open: false).text
        try checkShown(MarkedConversation(shown, marking: { _ in true }, unlike: Array(text.utf8)), inputs, open: false)
        return text
    }

    /// - Parameter open: with the generation prompt at the end.
    func render(
        _ messages: [ChatMessage], _ inputs: TemplateInputs, open: Bool
    ) throws(TokenizerError) -> ChatTemplate.Rendering {
        try render(shown: try shown(messages, inputs), inputs, open: open)
    }

    /// Messages as the template gets them.
    func shown(_ messages: [ChatMessage], _ inputs: TemplateInputs) throws(TokenizerError) -> [ChatMessage] {
        guard let template = template(inputs) else { throw Self.noTemplate }
        return messages.map { message in
            (shape?.readsParts == true ? message : message.joiningParts()).showingReasoning(to: template)
        }
    }

    func render(
        shown messages: [ChatMessage], _ inputs: TemplateInputs, open: Bool
    ) throws(TokenizerError) -> ChatTemplate.Rendering {
        guard let template = template(inputs) else { throw Self.noTemplate }
        let names = tokenizer.templateVariables(
            .array(messages.map(\.json)), tools: inputs.tools, addGenerationPrompt: open)
        return try template.rendering(names + arguments + inputs.arguments, clock: clock)
    }

    /// The text of a conversation with marks, which is the same for all conversations of a shape; nil when the template
    /// refuses it.
    func renderMarked(_ messages: [ChatMessage], _ inputs: TemplateInputs, open: Bool) -> [UInt8]? {
        cache.text(messages, inputs, open: open) {
            (try? render(shown: messages, inputs, open: open)).map { Array($0.text.utf8) }
        }
    }

    /// Refuses a conversation of which the template leaves out a turn's words: they are neither in its text nor in that of
    /// the prompt which its last answer has. Mistral's templates show the system's text in a prompt alone, and what is
    /// learned is what `transformers` renders.
    func checkShown(_ marked: MarkedConversation, _ inputs: TemplateInputs, open: Bool) throws(TokenizerError) {
        guard let text = renderMarked(marked.messages, inputs, open: open) else { return }
        var shown = marked.occurrences(in: text)
        guard marked.hiddenTurn(shown) != nil else { return }
        if !open, let last = marked.messages.lastIndex(where: { $0.role == "assistant" }), last > 0,
            let prompt = renderMarked(Array(marked.messages[..<last]), inputs, open: true)
        {
            shown += marked.occurrences(in: prompt)
        }
        guard let turn = marked.hiddenTurn(shown) else { return }
        throw TokenizerError(
            .template,
            """
            the chat template passes over turns of the role '\(marked.messages[turn].role)' as turn \(turn + 1) is: its \
            content is not in the text; remove it, or use a model whose template shows it
            """)
    }

    /// As `transformers` chooses: `tool_use`, if there is one by that name, for rows with tools.
    private func template(_ inputs: TemplateInputs) -> ChatTemplate? {
        inputs.tools == nil ? template : toolTemplate ?? template
    }

    private func plain(_ prompt: PromptText) throws(TokenizerError) -> String {
        if case .turns = prompt, !joinsTurns { throw Self.noTemplate }
        return prompt.plain
    }

    /// The parts of a text that no template renders.
    func plain(
        _ prompt: PromptText, _ answer: AnswerText
    ) throws(TokenizerError) -> (prompt: String, completion: String) {
        if case .text(let text) = answer { return (try plain(prompt), text) }
        var turns = prompt.turns + answer.turns
        guard joinsTurns else { throw Self.noTemplate }
        guard let last = turns.popLast(), last.role == "assistant" else {
            throw TokenizerError(.template, "without a chat template the last turn must be the assistant's")
        }
        return (PromptText.turns(turns).plain, last.text)
    }

    private func messages(
        _ prompt: PromptText, _ inputs: TemplateInputs
    ) throws(TokenizerError) -> [ChatMessage] {
        switch prompt {
        case .text(let text): return try checked([ChatMessage(role: "user", content: text)], inputs)
        case .turns(let turns): return try checked(turns, inputs)
        }
    }

    private static var noTemplate: TokenizerError {
        TokenizerError(
            .template,
            """
            the row holds messages, and the model has no chat template to render them by; put a chat_template.jinja \
            beside its tokenizer.json, give plain texts, or join turns as they stand (data.chat_template: none, \
            skein score --plain)
            """
        )
    }

    /// Roles that published sets use. Others are refused unless the template names them: a misspelt one is no turn of the
    /// conversation that was meant.
    private static let roles: Set<String> = [
        "system", "developer", "user", "assistant", "tool", "function", "ipython", "observation",
    ]

    /// Refuses what the template would drop without a word.
    private func checked(
        _ turns: [ChatMessage], _ inputs: TemplateInputs
    ) throws(TokenizerError) -> [ChatMessage] {
        guard let template = template(inputs) else { return turns }
        func refuse(_ key: String) -> TokenizerError {
            TokenizerError(
                .template,
                "the chat template does not read '\(key)'; remove it from the row, or use a model whose template does")
        }
        if inputs.tools != nil, !template.names("tools") { throw refuse("tools") }
        if let argument = inputs.arguments.first(where: { !template.names($0.key) }) {
            throw refuse("chat_template_kwargs.\(argument.key)")
        }
        for turn in turns {
            guard
                Self.roles.contains(turn.role) || template.names("'\(turn.role)'") || template.names("\"\(turn.role)\"")
            else {
                throw TokenizerError(
                    .template,
                    "unknown role '\(turn.role)'; use system, user, assistant or tool, or one that the chat template names"
                )
            }
            if turn.callsTools, !template.names("tool_calls") { throw refuse("tool_calls") }
            if turn.reasoning != nil, !template.names(ChatMessage.reasoningKey), !template.names("</think>") {
                throw refuse(ChatMessage.reasoningKey)
            }
        }
        return turns
    }
}

extension ChatTemplate {
    /// Whether a word stands anywhere in the template.
    func names(_ word: String) -> Bool { TextBytes.find(Array(word.utf8), in: Array(source.utf8), from: 0) != nil }
}

extension ChatMessage {
    static let reasoningKey = "reasoning_content"

    /// What the assistant thought before the answer, where the data hold it apart.
    var reasoning: String? {
        json[Self.reasoningKey]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }

    var callsTools: Bool {
        switch json["tool_calls"] {
        case nil, .null?, .array([])?: false
        default: true
        }
    }

    /// A template that knows think blocks only within the content gets the reasoning there.
    fileprivate func showingReasoning(to template: ChatTemplate) -> ChatMessage {
        guard let reasoning, !template.names(Self.reasoningKey), template.names("</think>"),
            let members = json.members
        else { return self }
        return ChatMessage(
            .object(
                members.filter { $0.key != "content" } + [
                    .init("content", .string("<think>\n\(reasoning)\n</think>\n\n\(text)"))
                ]))
    }
}
