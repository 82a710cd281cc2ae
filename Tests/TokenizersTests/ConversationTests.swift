import Foundation
import Testing

@testable import Tokenizers

/// Token ids and learned places equal those that `transformers` gives: its assistant mask where the template has
/// generation marks, else what is the assistant's in the rendered text. See make_conversation_fixtures.py.
@Suite struct ConversationTests {
    private static let fixtures = Result {
        try JSONValue(parsing: try fixture("conversations.json"), name: "conversations.json")
    }

    private static func list(_ key: String) throws -> [JSONValue] { try #require(try fixtures.get()[key]?.array) }

    private static func tokenizer(_ family: JSONValue) throws -> Tokenizer {
        var files: [String: [UInt8]] = [:]
        for file in try #require(family["files"]?.members) { files[file.key] = Array((file.value.string ?? "").utf8) }
        return try Tokenizer(files: files)
    }

    private func ids(_ value: JSONValue?) throws -> [Int32] {
        try #require(value?.array).map { Int32(try #require($0.integer)) }
    }

    private func ranges(_ value: JSONValue?) throws -> [Range<Int>] {
        try #require(value?.array).map { pair in
            let ends = try #require(pair.array).compactMap(\.integer)
            return try #require(ends.first)..<(try #require(ends.last))
        }
    }

    private func messages(_ value: JSONValue?) throws -> [ChatMessage] {
        try #require(value?.array).map { ChatMessage($0) }
    }

    private func inputs(_ value: JSONValue) -> TemplateInputs {
        TemplateInputs(
            tools: value["tools"] == .null ? nil : value["tools"], arguments: value["arguments"]?.members ?? [])
    }

    @Test(arguments: 0..<13) func familiesEncodeAndLearnAsTheReference(index: Int) throws {
        let families = try Self.list("families")
        #expect(families.count == 13)
        let family = families[index]
        let name = try #require(family["name"]?.string)
        let encoder = try ConversationEncoder(try Self.tokenizer(family))
        for (number, value) in try #require(family["cases"]?.array).enumerated() {
            let label = Comment(rawValue: "\(name), conversation \(number)")
            let messages = try messages(value["messages"])
            let (inputs, expected, learned) = (inputs(value), try ids(value["ids"]), try ranges(value["learned"]))
            let all = try encoder.encode(.turns([]), .turns(messages), inputs)
            #expect(all.tokens == expected, label)
            #expect(all.learned == learned, label)
            let last = try encoder.encode(.turns([]), .turns(messages), inputs, learning: .last)
            #expect(last.tokens == expected && last.learned == learned.suffix(1), label)
            guard value["prompt"] != nil else { continue }
            #expect(try encoder.prompt(.turns(messages.dropLast()), inputs) == ids(value["prompt"]), label)
            // A prompt with its answer is the last turn of the whole.
            let pair = try encoder.encode(.turns(messages.dropLast()), .turns(messages.suffix(1)), inputs)
            #expect(pair == last, label)
            guard name != "short marks" else { continue }
            let answered = try encoder.answered(.turns(messages.dropLast()), .turns(messages.suffix(1)), inputs)
            #expect(answered == expected, label)
            if name != "plain" {
                let cut = try encoder.answered(
                    .turns(messages.dropLast()), .turns(messages.suffix(1)), inputs, ended: false)
                #expect(cut == expected.dropLast(), label)
            }
            if name != "plain" { #expect(encoder.tokenizer.answerEnds.contains(try #require(answered.last)), label) }
        }
    }

    @Test func plainCompletionsAreEncodedWithTheirPromptAndEndOnce() throws {
        for kind in try Self.list("completions") {
            let encoder = try ConversationEncoder(try Self.tokenizer(kind))
            for value in try #require(kind["cases"]?.array) {
                let prompt = try #require(value["prompt"]?.string)
                let completion = try #require(value["completion"]?.string)
                let made = try encoder.encode(.text(prompt), .text(completion))
                let label = Comment(rawValue: "\(kind["name"]?.string ?? ""): \(prompt)|\(completion)")
                #expect(try made.tokens == ids(value["ids"]), label)
                #expect(try made.learned == ranges(value["learned"]), label)
                #expect(encoder.encodeText(prompt + completion) == made.tokens, label)
                let asked = try encoder.prompt(.text(prompt))
                #expect(asked.last != encoder.tokenizer.eosID, label)
            }
        }
    }

    /// The tokens that end answers of a family, as texts.
    private func ends(_ name: String) throws -> [String] {
        let family = try #require(try Self.list("families").first { $0["name"]?.string == name })
        let tokenizer = try Self.tokenizer(family)
        return tokenizer.answerEnds.compactMap { tokenizer.token($0) }
    }

    @Test(arguments: [
        ("chatml", ["<|im_end|>"]), ("gemma", ["</s>", "<end_of_turn>"]), ("phi", ["</s>", "<|end|>"]),
        ("zephyr", ["</s>"]), ("llama3", ["<|eot_id|>"]), ("harmony", ["<|return|>", "<|end|>"]), ("plain", ["</s>"]),
        ("opens", ["<|end|>"]), ("llama2", ["</s>"]),
    ]) func answersEndWhereTheTemplateEndsThem(name: String, expected: [String]) throws {
        #expect(try ends(name) == expected)
    }

    private func chat(_ template: String?) throws -> ConversationEncoder {
        let family = try #require(try Self.list("families").first)
        var files: [String: [UInt8]] = [:]
        if let template { files["chat_template.jinja"] = Array(template.utf8) }
        for file in try #require(family["files"]?.members) where file.key != "chat_template.jinja" {
            files[file.key] = Array((file.value.string ?? "").utf8)
        }
        return try ConversationEncoder(try Tokenizer(files: files))
    }

    private static let drops = """
        {% for m in messages %}{% if m.role == 'user' %}U{{ m.content }}{% elif m.role == 'assistant' %}A{{ m.content }}\
        <|im_end|>{% endif %}{% endfor %}{% if add_generation_prompt %}A{% endif %}
        """

    @Test func whatATemplateWouldDropIsRefused() throws {
        let encoder = try chat(Self.drops)
        func refuse(_ turn: JSONValue, _ part: String, tools: JSONValue? = nil) {
            #expect {
                try encoder.encode(.text("q"), .turns([ChatMessage(turn)]), TemplateInputs(tools: tools))
            } throws: { "\($0)".contains(part) }
        }
        func turn(_ role: String, _ more: [JSONValue.Member] = []) -> JSONValue {
            .object([.init("role", .string(role)), .init("content", .string("a"))] + more)
        }
        refuse(turn("human"), "unknown role 'human'")
        refuse(turn("tool"), "passes over turns of the role 'tool'")
        refuse(turn("assistant", [.init("tool_calls", .array([.null]))]), "does not read 'tool_calls'")
        refuse(turn("assistant", [.init("reasoning_content", .string("x"))]), "does not read 'reasoning_content'")
        refuse(turn("assistant"), "does not read 'tools'", tools: .array([.object([])]))
        // Keys without a value are no reason.
        let made = try encoder.encode(
            .text("q"),
            .turns([
                ChatMessage(turn("assistant", [.init("tool_calls", .null), .init("reasoning_content", .string(""))]))
            ]))
        #expect(encoder.tokenizer.decode(Array(made.tokens[made.learned[0]])) == "a<|im_end|>")
        // A role that the template names is known.
        let own = try chat(Self.drops.replacingOccurrences(of: "m.role == 'user'", with: "m.role == 'critic'"))
        #expect(throws: Never.self) {
            try own.encode(.turns([ChatMessage(turn("critic"))]), .text("yes"))
        }
    }

    /// What only the generation prompt goes on with may begin as the answer does.
    @Test func anAnswerKeepsItsFirstLetters() throws {
        let encoder = try chat(
            """
            {% for m in messages %}{{ m.role }}{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}\
            assistant<|im_end|>{% endif %}
            """)
        let made = try encoder.encode(.text("q"), .text("<b>x"))
        #expect(made.learned.map { encoder.tokenizer.decode(Array(made.tokens[$0])) } == ["<b>x<|im_end|>"])
        // A template that writes every role shows this one.
        #expect(throws: Never.self) {
            try encoder.encode(.turns([ChatMessage(role: "tool", content: "r")]), .text("yes"))
        }
    }

    /// A template that is not wanted leaves lines; one that is missing is an error.
    @Test func withoutATemplateTurnsAreJoinedOrRefused() throws {
        let tokenizer = try chat(Self.drops).tokenizer
        let plain = try ConversationEncoder(tokenizer, usesTemplate: false)
        let turn = ChatMessage(role: "user", content: "q")
        let answer = ChatMessage(role: "assistant", content: "a")
        #expect(tokenizer.decode(try plain.prompt(.turns([turn, answer, turn]))) == "user: q\nassistant: a\nuser: q")
        for made in [
            try plain.encode(.turns([turn]), .text("a")), try plain.encode(.turns([]), .turns([turn, answer])),
        ] {
            #expect(tokenizer.decode(made.tokens).hasPrefix("user: qa"))
            #expect(made.learned.map { tokenizer.decode(Array(made.tokens[$0])) }.first?.hasPrefix("a") == true)
        }
        #expect(throws: TokenizerError.self) { try plain.encode(.turns([]), .turns([turn])) }
        let missing = try ConversationEncoder(chat(nil).tokenizer)
        for body in [
            { _ = try missing.prompt(.turns([turn])) }, { _ = try missing.encode(.turns([turn]), .text("a")) },
            { _ = try missing.encode(.text("q"), .turns([answer])) },
        ] { #expect { try body() } throws: { "\($0)".contains("no chat template") } }
    }

    @Test func contentInPartsReachesATemplateThatReadsThem() throws {
        let template = """
            {% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}\
            [{{ p.text }}]{% endfor %}{% endif %}<|im_end|>{% endfor %}
            """
        let parts = ["a", "b"].map { JSONValue.object([.init("type", .string("text")), .init("text", .string($0))]) }
        let message = ChatMessage(.object([.init("role", .string("user")), .init("content", .array(parts))]))
        #expect(message.text == "ab")
        let reads = try chat(template)
        #expect(reads.tokenizer.decode(try reads.prompt(.turns([message]))) == "[a][b]<|im_end|>")
        let joins = try chat(Self.drops)
        #expect(joins.tokenizer.decode(try joins.prompt(.turns([message]))) == "UabA")
    }

    @Test func argumentsReachTheTemplate() throws {
        let template = "{% for m in messages %}{{ m.content }}{% endfor %}{% if loud is defined %}{{ loud }}{% endif %}"
        let tokenizer = try chat(template).tokenizer
        let encoder = try ConversationEncoder(tokenizer, arguments: #"{"loud": "!", "other": 1}"#)
        #expect(encoder.unreadArguments == ["other"])
        #expect(tokenizer.decode(try encoder.prompt(.text("q"))) == "q!")
        let row = TemplateInputs(arguments: [.init("loud", .string("?"))])
        #expect(tokenizer.decode(try encoder.prompt(.text("q"), row)) == "q?")
        for bad in ["[1]", #"{"messages": []}"#] {
            #expect(throws: TokenizerError.self) { try ConversationEncoder(tokenizer, arguments: bad) }
        }
    }

    @Test func sequencesAreCutOnEitherSide() {
        func limit(_ tokens: Int, _ side: LengthLimit.Side) -> LengthLimit {
            LengthLimit(tokens: tokens, rule: .truncate, side: side, name: "the context")
        }
        let row = EncodedConversation(tokens: [1, 10, 11, 12, 13, 14], learned: [2..<3, 4..<6])
        #expect(limit(9, .left).cut(row, start: 1) == row)
        #expect(limit(5, .right).cut(row, start: 1) == .init(tokens: [1, 10, 11, 12, 13], learned: [2..<3, 4..<5]))
        #expect(limit(4, .left).cut(row, start: 1) == .init(tokens: [1, 12, 13, 14], learned: [2..<4]))
        #expect(limit(4, .left).cut(row, start: nil) == .init(tokens: [11, 12, 13, 14], learned: [0..<1, 2..<4]))
        #expect(limit(2, .right).cut(row, start: 1) == nil)
        #expect(limit(3, .left).cut([1, 10, 11, 12], start: 1) == [1, 11, 12])
        #expect(limit(3, .right).cut([1, 10, 11, 12], start: 1) == [1, 10, 11])
        // The shorter answer keeps all of itself, and both lose the same part of the prompt.
        let long = EncodedConversation(tokens: [1, 2, 3, 4, 5, 6, 7], learned: [3..<7])
        let short = EncodedConversation(tokens: [1, 2, 3, 9], learned: [3..<4])
        let both = limit(6, .left).cut(long, short, start: 1)
        #expect(both?.0.tokens == [1, 3, 4, 5, 6, 7] && both?.1.tokens == [1, 3, 9])
        let more = limit(3, .left).cut(long, short, start: 1)
        #expect(more?.0.tokens == [1, 6, 7] && more?.1.tokens == [1, 9])
    }
}
