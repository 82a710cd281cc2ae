/// One turn of a conversation: the object that the data hold, all of which reaches the chat template.
package struct ChatMessage: Sendable {
    package let json: JSONValue

    package init(role: String, content: String) {
        json = .object([.init("role", .string(role)), .init("content", .string(content))])
    }

    /// - Parameter json: an object with a `role`.
    package init(_ json: JSONValue) { self.json = json }

    /// `system`, `user`, `assistant`, `tool`, ...
    package var role: String { json["role"]?.string ?? "" }

    /// The content as text: parts are joined, nothing is the empty text.
    package var text: String {
        switch json["content"] {
        case .string(let text)?: text
        case .array(let parts)?: parts.compactMap { $0.string ?? $0["text"]?.string }.joined()
        default: ""
        }
    }

    /// Whether the data want an assistant's turn to be learned: not with `"weight": 0` or `"train": false`.
    package var isLearned: Bool {
        switch json["weight"] {
        case .integer(0)?, .number(0)?: false
        default: json["train"] != .bool(false)
        }
    }

    /// The same message with its list of text parts as one text.
    func joiningParts() -> ChatMessage {
        guard case .array? = json["content"], var members = json.members else { return self }
        members.removeAll { $0.key == "content" }
        return ChatMessage(.object(members + [.init("content", .string(text))]))
    }
}

extension ChatMessage: Equatable {
    /// Same role, text and further values; keys without a value, which tables add, do not count.
    package static func == (a: ChatMessage, b: ChatMessage) -> Bool {
        func rest(_ message: ChatMessage) -> [JSONValue.Member] {
            (message.json.members ?? []).filter {
                !["role", "content"].contains($0.key) && $0.value != .null && $0.value != .array([])
            }.sorted { $0.key < $1.key }
        }
        return a.role == b.role && a.text == b.text && rest(a) == rest(b)
    }
}

/// What a model is asked: plain text, or turns that go through a chat template.
package enum PromptText: Sendable, Equatable {
    case text(String)
    case turns([ChatMessage])

    package var turns: [ChatMessage] {
        switch self {
        case .text(let text): [ChatMessage(role: "user", content: text)]
        case .turns(let turns): turns
        }
    }

    /// Plain text of it, for rewards, reports and people; turns are joined line by line.
    package var plain: String {
        switch self {
        case .text(let text): text
        case .turns(let turns): turns.map { "\($0.role): \($0.text)" }.joined(separator: "\n")
        }
    }
}

/// An answer to a prompt: plain text, or turns of which at least one is the assistant's.
package enum AnswerText: Sendable, Equatable {
    case text(String)
    case turns([ChatMessage])

    package var turns: [ChatMessage] {
        switch self {
        case .text(let text): [ChatMessage(role: "assistant", content: text)]
        case .turns(let turns): turns
        }
    }
}

/// What a chat template reads beside the messages of a row.
package struct TemplateInputs: Sendable, Equatable {
    /// The list of tools; nil when there is none.
    package var tools: JSONValue?
    /// Further names for the template, such as `enable_thinking`.
    package var arguments: [JSONValue.Member]

    package init(tools: JSONValue? = nil, arguments: [JSONValue.Member] = []) {
        self.tools = tools
        self.arguments = arguments
    }

    /// A name among arguments that only the encoder gives a value to; nil when there is none.
    package static func reserved(_ arguments: [JSONValue.Member]) -> String? {
        let names: Set<String> = [
            "messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "unk_token", "pad_token",
        ]
        return arguments.first { names.contains($0.key) }?.key
    }
}

/// A sequence of tokens and which of them are learned.
package struct EncodedConversation: Sendable, Equatable {
    package var tokens: [Int32]
    /// Places in `tokens`, ascending, apart and not empty.
    package var learned: [Range<Int>]

    package init(tokens: [Int32], learned: [Range<Int>]) {
        self.tokens = tokens
        self.learned = learned
    }
}
