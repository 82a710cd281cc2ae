import Tokenizers

/// Prompts, answers and conversations as the field's files have them.
extension RowObject {
    /// A list of messages, not empty.
    func turns(_ key: String) throws(RowProblem) -> [ChatMessage] {
        switch json(key) {
        case .array(let elements)?:
            guard !elements.isEmpty else { throw RowProblem("'\(key)' is empty") }
            var turns: [ChatMessage] = []
            for element in elements { turns.append(try Self.message(element, key)) }
            return turns
        case .object?: return [try Self.message(json(key) ?? .null, key)]
        case nil, .null?: throw RowProblem("the key '\(key)' is missing")
        default: throw RowProblem(#"'\#(key)' must be a list of {"role","content"}"#)
        }
    }

    private static func message(_ value: JSONValue, _ key: String) throws(RowProblem) -> ChatMessage {
        guard case .object = value, let role = value["role"]?.string, !role.isEmpty else {
            throw RowProblem(#"'\#(key)' must be a list of {"role","content"}"#)
        }
        switch value["content"] {
        case .string?: break
        case nil, .null?:
            // An assistant that only calls tools, or thinks, says nothing.
            guard role == "assistant", ["tool_calls", "reasoning_content"].contains(where: { isFilled(value[$0]) })
            else {
                throw RowProblem(
                    #"'\#(key)' must be a list of {"role","content"}: a turn of '\#(role)' has no content"#)
            }
        case .array(let parts)?:
            for part in parts where part.string == nil && part["text"]?.string == nil {
                let type = part["type"]?.string ?? "unknown"
                throw RowProblem("'\(key)' has a part of type '\(type)' in a content; only text is supported")
            }
        default: throw RowProblem("a 'content' in '\(key)' must be a text or a list of text parts")
        }
        return ChatMessage(value)
    }

    private static func isFilled(_ value: JSONValue?) -> Bool {
        switch value {
        case nil, .null?, .array([])?, .string("")?: false
        default: true
        }
    }

    /// `prompt` as text or turns, else `messages`. A `prompt` that repeats a turn of `messages` stands for the conversation
    /// up to there.
    func prompt() throws(RowProblem) -> PromptText {
        guard has("prompt") || has("messages") else { throw RowProblem("neither 'prompt' nor 'messages' is there") }
        guard hasPrompt, has("messages") else { return try prompt(has("messages") ? "messages" : "prompt") }
        let (prompt, turns) = (try prompt("prompt"), try turns("messages"))
        guard let count = Self.place(of: prompt, in: turns) else {
            throw RowProblem("'prompt' is not in the conversation of 'messages'; remove one of the two")
        }
        return .turns(Array(turns[..<count]))
    }

    /// Tables have an empty `prompt` in rows whose conversation is in another column.
    private var hasPrompt: Bool { has("prompt") && json("prompt") != .string("") }

    private func prompt(_ key: String) throws(RowProblem) -> PromptText {
        switch json(key) {
        case .array?, .object?:
            let turns = try turns(key)
            guard turns.last?.role != "assistant" else {
                throw RowProblem("the last of '\(key)' is the assistant's: there is nothing to answer")
            }
            return .turns(turns)
        default:
            guard key == "prompt" else { throw RowProblem(#"'\#(key)' must be a list of {"role","content"}"#) }
            let text = try text(key)
            guard !text.isEmpty else { throw RowProblem("the prompt is empty") }
            return .text(text)
        }
    }

    /// A text, or turns of which the last is the assistant's.
    func answer(_ key: String) throws(RowProblem) -> AnswerText {
        switch json(key) {
        case .array?, .object?:
            let turns = try turns(key)
            guard turns.last?.role == "assistant" else {
                throw RowProblem("the last turn of '\(key)' must be the assistant's")
            }
            return .turns(turns)
        default: return .text(try text(key))
        }
    }

    /// Many sets repeat a question of a conversation as `prompt`. It must not say anything else.
    func checkPrompt(isAmong turns: [ChatMessage], of key: String) throws(RowProblem) {
        guard hasPrompt, Self.place(of: try prompt("prompt"), in: turns) == nil else { return }
        throw RowProblem("'prompt' is not in the conversation of '\(key)'; remove one of the two")
    }

    /// How many turns of a conversation lead up to a prompt and end with it; nil when it is not there.
    private static func place(of prompt: PromptText, in turns: [ChatMessage]) -> Int? {
        switch prompt {
        case .text(let text):
            return turns.lastIndex { $0.role != "assistant" && trimmed($0.text) == trimmed(text) }.map { $0 + 1 }
        case .turns(let prompt): return turns.starts(with: prompt) ? prompt.count : nil
        }
    }

    private static func trimmed(_ text: String) -> Substring {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// The members of other keys.
    func rest(without keys: Set<String>) -> [JSONValue.Member] { members.filter { !keys.contains($0.key) } }

    /// What the chat template gets beside the messages: the columns `tools` and `chat_template_kwargs`.
    func templateInputs() throws(RowProblem) -> TemplateInputs {
        var inputs = TemplateInputs()
        switch try parsed("tools") {
        case nil, .null?, .array([])?: break
        case .array(let list)?: inputs.tools = .array(list)
        default: throw RowProblem("'tools' must be a list")
        }
        switch try parsed("chat_template_kwargs") {
        case nil, .null?: break
        case .object(let members)?:
            if let key = TemplateInputs.reserved(members) {
                throw RowProblem("'chat_template_kwargs' cannot set '\(key)'")
            }
            inputs.arguments = members
        default: throw RowProblem("'chat_template_kwargs' must be an object")
        }
        return inputs
    }

    /// A value, or the JSON that it holds as a text, as tables keep it.
    private func parsed(_ key: String) throws(RowProblem) -> JSONValue? {
        guard case .string(let text)? = json(key) else { return json(key) }
        if text.isEmpty { return nil }
        guard let value = try? JSONValue(line: text.utf8) else {
            throw RowProblem("'\(key)' is a text that is not JSON")
        }
        return value
    }
}
