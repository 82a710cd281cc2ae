internal import Foundation

/// A parsed chat template: the subset of Jinja that published templates use, rendered as `transformers` renders it.
package struct ChatTemplate: Sendable {
    /// A rendered conversation.
    package struct Rendering: Sendable, Equatable {
        package var text: String
        /// UTF-8 places of what stands between the template's generation marks.
        package var generated: [Range<Int>]
    }

    let source: String
    private let statements: [TemplateStatement]

    package init(_ source: String) throws(TokenizerError) {
        self.source = source
        statements = try TemplateParser.parse(source)
    }

    /// - Parameters:
    ///   - variables: what the template may name, such as `messages`.
    ///   - clock: seconds since 1970 in local time, for templates that print the date; nil for the time of the call.
    package func render(
        _ variables: [JSONValue.Member], clock: Double? = nil
    ) throws(TokenizerError) -> String {
        try rendering(variables, clock: clock).text
    }

    /// The same with the places of the generation marks.
    package func rendering(
        _ variables: [JSONValue.Member], clock: Double? = nil
    ) throws(TokenizerError) -> Rendering {
        try rendering(variables, now: clock ?? TemplateClock.localTime(), secondsFromGMT: 0)
    }

    /// - Parameter secondsFromGMT: nil for the time zone of this machine.
    func render(
        _ variables: [JSONValue.Member], now: Double, secondsFromGMT: Int?
    ) throws(TokenizerError) -> String {
        try rendering(variables, now: now, secondsFromGMT: secondsFromGMT).text
    }

    private func rendering(
        _ variables: [JSONValue.Member], now: Double, secondsFromGMT: Int?
    ) throws(TokenizerError) -> Rendering {
        let scope = TemplateScope(parent: nil)
        for name in TemplateInterpreter.functions { scope[name] = .function(name) }
        for variable in variables { scope[variable.key] = TemplateValue(variable.value) }
        var interpreter = TemplateInterpreter(clock: TemplateClock(now, secondsFromGMT: secondsFromGMT))
        // Names that the template sets do not hide the functions from its macros.
        defer { interpreter.release() }
        try interpreter.run(statements, TemplateScope(parent: scope))
        return Rendering(text: interpreter.output, generated: interpreter.generated)
    }
}

extension Tokenizer {
    /// The template of the model directory: `chat_template.jinja`, or `chat_template` of tokenizer_config.json.
    /// - Parameter name: which one, where the file has several; nil for the default.
    package func chatTemplate(named name: String? = nil) throws(TokenizerError) -> ChatTemplate {
        if let source = templateSource(name) { return try ChatTemplate(source) }
        throw TokenizerError(
            .template,
            name.map { "the tokenizer has no chat template '\($0)'" }
                ?? "the tokenizer has no chat template; give prompts as plain text or add chat_template.jinja")
    }

    /// Whether a chat template prints the date.
    package var printsDate: Bool {
        [nil, "tool_use"].contains { templateSource($0)?.contains("strftime_now") ?? false }
    }

    func hasChatTemplate(named name: String) -> Bool { templateSource(name) != nil }

    private func templateSource(_ name: String?) -> String? {
        if let source = settings.chatTemplate, name == nil { return source }
        switch settings.configuration?["chat_template"] {
        case .string(let source) where name == nil: return source
        case .array(let list): return list.last { $0["name"]?.string == name ?? "default" }?["template"]?.string
        default: return nil
        }
    }

    package var hasChatTemplate: Bool {
        settings.chatTemplate != nil || (settings.configuration?["chat_template"] ?? .null) != .null
    }

    /// What `apply_chat_template` lets a template name.
    func templateVariables(
        _ messages: JSONValue, tools: JSONValue?, addGenerationPrompt: Bool
    ) -> [JSONValue.Member] {
        var names: [JSONValue.Member] = []
        for (key, value) in [
            ("bos_token", settings.bos), ("eos_token", settings.eos), ("unk_token", settings.unknown),
            ("pad_token", settings.pad),
        ] {
            if let value { names.append(.init(key, .string(value))) }
        }
        return names + [
            .init("messages", messages), .init("tools", tools ?? .null), .init("documents", .null),
            .init("add_generation_prompt", .bool(addGenerationPrompt)),
        ]
    }
}
