internal import Foundation

/// A parsed chat template: the subset of Jinja that published templates use, rendered as `transformers` renders it.
package struct ChatTemplate: Sendable {
    private let statements: [TemplateStatement]

    package init(_ source: String) throws(TokenizerError) {
        statements = try TemplateParser.parse(source)
    }

    /// - Parameters:
    ///   - variables: what the template may name, such as `messages`.
    ///   - now: seconds since 1970 for templates that print the date; nil for the time of the call.
    package func render(
        _ variables: [JSONValue.Member], now: Double? = nil
    ) throws(TokenizerError) -> String {
        try render(variables, now: now ?? Date().timeIntervalSince1970, secondsFromGMT: nil)
    }

    /// - Parameter secondsFromGMT: nil for the time zone of this machine.
    func render(
        _ variables: [JSONValue.Member], now: Double, secondsFromGMT: Int?
    ) throws(TokenizerError) -> String {
        let scope = TemplateScope(parent: nil)
        for name in TemplateInterpreter.functions { scope[name] = .function(name) }
        for variable in variables { scope[variable.key] = TemplateValue(variable.value) }
        var interpreter = TemplateInterpreter(clock: TemplateClock(now, secondsFromGMT: secondsFromGMT))
        // Names that the template sets do not hide the functions from its macros.
        defer { interpreter.release() }
        try interpreter.run(statements, TemplateScope(parent: scope))
        return interpreter.output
    }
}

/// One turn of a conversation.
package struct ChatMessage: Sendable, Equatable {
    package var role: String
    package var content: String

    package init(role: String, content: String) {
        self.role = role
        self.content = content
    }

    var json: JSONValue { .object([.init("role", .string(role)), .init("content", .string(content))]) }
}

extension Tokenizer {
    /// The template of the model directory: `chat_template.jinja`, or `chat_template` of tokenizer_config.json.
    /// - Parameter name: which one, where the file has several; nil for the default.
    package func chatTemplate(named name: String? = nil) throws(TokenizerError) -> ChatTemplate {
        if let source = settings.chatTemplate, name == nil { return try ChatTemplate(source) }
        switch settings.configuration?["chat_template"] {
        case .string(let source) where name == nil: return try ChatTemplate(source)
        case .array(let list):
            for entry in list where entry["name"]?.string == name ?? "default" {
                if let source = entry["template"]?.string { return try ChatTemplate(source) }
            }
        default: break
        }
        throw TokenizerError(
            .template,
            name.map { "the tokenizer has no chat template '\($0)'" }
                ?? "the tokenizer has no chat template; give prompts as plain text or add chat_template.jinja")
    }

    package var hasChatTemplate: Bool {
        settings.chatTemplate != nil || (settings.configuration?["chat_template"] ?? .null) != .null
    }

    /// The text of a conversation, as `apply_chat_template(tokenize=False)` gives it. It holds the special tokens
    /// already, so it is encoded with `addSpecialTokens: false`.
    /// - Parameters:
    ///   - addGenerationPrompt: the text ends where the assistant is to go on.
    ///   - variables: further names for the template, such as `enable_thinking`.
    package func applyChatTemplate(
        _ messages: [ChatMessage], addGenerationPrompt: Bool, variables: [JSONValue.Member] = []
    ) throws(TokenizerError) -> String {
        try applyChatTemplate(
            .array(messages.map(\.json)), tools: nil, addGenerationPrompt: addGenerationPrompt, variables: variables)
    }

    /// The same for messages with more than a role and a text, and with tools, as JSON.
    package func applyChatTemplate(
        _ messages: JSONValue, tools: JSONValue?, addGenerationPrompt: Bool, variables: [JSONValue.Member] = [],
        now: Double? = nil
    ) throws(TokenizerError) -> String {
        var names: [JSONValue.Member] = []
        for (key, value) in [
            ("bos_token", settings.bos), ("eos_token", settings.eos), ("unk_token", settings.unknown),
            ("pad_token", settings.pad),
        ] {
            if let value { names.append(.init(key, .string(value))) }
        }
        names += [
            .init("messages", messages), .init("tools", tools ?? .null), .init("documents", .null),
            .init("add_generation_prompt", .bool(addGenerationPrompt)),
        ]
        return try chatTemplate().render(names + variables, now: now)
    }

    /// The ids of a conversation.
    package func encodeChat(
        _ messages: [ChatMessage], addGenerationPrompt: Bool, variables: [JSONValue.Member] = []
    ) throws(TokenizerError) -> [Int32] {
        encode(
            try applyChatTemplate(messages, addGenerationPrompt: addGenerationPrompt, variables: variables),
            addSpecialTokens: false)
    }
}
