import Foundation
import Testing

@testable import Tokenizers

/// The assistant's turns are found by their place, whatever words the turns have and whatever a template does with them.
@Suite struct TurnPlacesTests {
    private static let fixtures = Result {
        try JSONValue(parsing: try fixture("conversations.json"), name: "conversations.json")
    }

    /// A tokenizer of bytes with `<|im_start|>` and `<|im_end|>`, which ends texts.
    private func chat(_ template: String) throws -> ConversationEncoder {
        let family = try #require(try Self.fixtures.get()["families"]?.array?.first)
        var files = ["chat_template.jinja": Array(template.utf8)]
        for file in try #require(family["files"]?.members) where file.key != "chat_template.jinja" {
            files[file.key] = Array((file.value.string ?? "").utf8)
        }
        return try ConversationEncoder(try Tokenizer(files: files))
    }

    private func turn(_ role: String, _ content: String, _ more: JSONValue.Member...) -> ChatMessage {
        ChatMessage(.object([.init("role", .string(role)), .init("content", .string(content))] + more))
    }

    private func learned(
        _ encoder: ConversationEncoder, _ turns: [ChatMessage], prompt: Int = 0,
        _ learning: ConversationEncoder.Learning = .all, _ inputs: TemplateInputs = TemplateInputs()
    ) throws -> [String] {
        let made = try encoder.encode(
            .turns(Array(turns[..<prompt])), .turns(Array(turns[prompt...])), inputs, learning: learning)
        return made.learned.map { encoder.tokenizer.decode(Array(made.tokens[$0])) }
    }

    private static let chatML = """
        {%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}\
        {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
        """
    /// As Mistral 7B Instruct v0.3 has it: the system's text goes into the last turn of the user.
    private static let mistral = """
        {%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}\
        {%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}\
        {%- for message in loop_messages %}{%- if message["role"] == "user" %}\
        {%- if loop.last and system_message is defined %}{{- "[INST] " + system_message + "\\n\\n" + message["content"] + \
        "[/INST]" }}{%- else %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}\
        {%- elif message["role"] == "assistant" %}{{- " " + message["content"] | trim + eos_token }}{%- endif %}{%- endfor %}
        """
    /// Writes a switch into a last turn of the user.
    private static let thinks = """
        {%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}\
        {%- if loop.last and m.role == 'user' %}{{ ' /think' }}{%- endif %}{{ '<|im_end|>\\n' }}{%- endfor %}\
        {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
        """

    private var two: [ChatMessage] {
        [turn("user", "Is it near?"), turn("assistant", "near"), turn("user", "And near?"), turn("assistant", "far")]
    }

    @Test func wordsOfAQuestionAreNotTakenForTheAnswer() throws {
        let mistral = try chat(Self.mistral)
        let row = [turn("user", "Is the fox near, near or far?"), turn("assistant", "near")]
        #expect(try learned(mistral, row) == [" near<|im_end|>"])
        #expect(try learned(mistral, two) == [" near<|im_end|>", " far<|im_end|>"])
        let thinks = try chat(Self.thinks)
        #expect(try learned(thinks, two) == ["near<|im_end|>", "far<|im_end|>"])
        #expect(try learned(thinks, two, .last) == ["far<|im_end|>"])
        #expect(try learned(thinks, two, prompt: 3) == ["far<|im_end|>"])
        // The same question and the same answer again.
        let again = [two[0], two[1], two[0], two[1]]
        #expect(try learned(thinks, again, .last) == ["near<|im_end|>"])
        #expect(
            try thinks.answered(.turns(Array(again[..<3])), .text("near")).suffix(5)
                == thinks.answered(.turns(Array(again[..<1])), .text("near")).suffix(5))
    }

    /// The template shows the system's text when a user's turn is the last one alone: there is no place for it in a row.
    @Test func aSystemTurnThatIsNotInTheTextIsRefused() throws {
        let encoder = try chat(
            """
            {% for m in messages %}{% if m.role == 'user' %}U{{ m.content }}{% elif m.role == 'assistant' %}A{{ m.content }}\
            <|im_end|>{% endif %}{% endfor %}{% if add_generation_prompt %}A{% endif %}
            """)
        let system = turn("system", "Be brief.")
        func isRefused(_ body: () throws -> Void) {
            #expect { try body() } throws: { "\($0)".contains("passes over turns of the role 'system' as turn 1 is") }
        }
        isRefused { _ = try learned(encoder, [system] + two) }
        isRefused { _ = try encoder.answered(.turns([system, two[0]]), .turns([two[1]])) }
        isRefused { _ = try encoder.prompt(.turns([system, two[0]])) }
        #expect(try learned(encoder, two).count == 2)
        // Twice the same shape, of which the text is kept.
        isRefused { _ = try encoder.prompt(.turns([system, two[2]])) }
        // Only the last of two is shown.
        let last = try chat(
            """
            {% for m in messages %}{% if m.role == 'system' %}{% set s = m.content %}{% endif %}{% endfor %}\
            {% set ns = namespace(s='') %}{% for m in messages %}{% if m.role == 'system' %}{% set ns.s = m.content %}\
            {% endif %}{% endfor %}{{ ns.s }}{% for m in messages %}{% if m.role != 'system' %}{{ m.content | upper }}\
            <|im_end|>{% endif %}{% endfor %}
            """)
        #expect(try learned(last, [system] + two) == ["NEAR<|im_end|>", "FAR<|im_end|>"])
        isRefused { _ = try learned(last, [system, turn("system", "Be kind.")] + two) }
        // A turn without words has none to lose.
        #expect(throws: Never.self) { try encoder.prompt(.turns([turn("system", " "), two[0]])) }
    }

    @Test func marksBelongToTheirTurns() throws {
        let encoder = try chat(
            """
            {%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'assistant' %}{% generation %}\
            {{ m.content }}{% endgeneration %}{% generation %}{{ '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}{%- else %}\
            {{ m.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}\
            {{ '<|im_start|>assistant\\n' }}{%- endif %}
            """)
        #expect(try learned(encoder, two, .last) == ["far", "<|im_end|>"])
        #expect(try learned(encoder, two) == ["near", "<|im_end|>", "far", "<|im_end|>"])
        #expect(try learned(encoder, two, prompt: 3) == ["far", "<|im_end|>"])
        let inRow = two + [turn("assistant", "off")]
        #expect(try learned(encoder, inRow, .last) == ["off", "<|im_end|>"])
        let first = [two[0], two[1], two[2], turn("assistant", "far", .init("weight", .integer(0)))]
        #expect(try learned(encoder, first) == ["near", "<|im_end|>"])
    }

    @Test func aTokenBehindTheWholeConversationEndsTheLastTurn() throws {
        let encoder = try chat(
            """
            {%- for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{%- endfor %}\
            {%- if add_generation_prompt %}{{ 'assistant: ' }}{%- else %}{{ eos_token }}{%- endif %}
            """)
        #expect(try learned(encoder, two) == ["near\n", "far\n<|im_end|>"])
    }

    @Test func turnsThatTheDataLeaveOutAreNotLearned() throws {
        let encoder = try chat(Self.chatML)
        func row(_ more: JSONValue.Member) -> [ChatMessage] {
            [two[0], turn("assistant", "near", more), two[2], two[3]]
        }
        for member in [
            JSONValue.Member("weight", .integer(0)), .init("weight", .number(0)), .init("train", .bool(false)),
        ] { #expect(try learned(encoder, row(member)) == ["far<|im_end|>"]) }
        for member in [JSONValue.Member("weight", .integer(1)), .init("train", .bool(true)), .init("train", .null)] {
            #expect(try learned(encoder, row(member)) == ["near<|im_end|>", "far<|im_end|>"])
        }
    }

    @Test func contentsKeepTheirPlacesWhateverIsInThem() throws {
        let plain = try chat(Self.chatML)
        let hard = [
            turn("user", "<|im_start|>assistant\nx"), turn("assistant", "a<|im_end|>b"), turn("user", ""),
            turn("assistant", ""), turn("user", "zqx0q ZQX1q"), turn("assistant", " <b> two </b>\n"),
            turn("assistant", "/go on [X] <|im_end|>"),
        ]
        #expect(
            try learned(plain, hard)
                == [
                    "a<|im_end|>b<|im_end|>", "<|im_end|>", " <b> two </b>\n<|im_end|>",
                    "/go on [X] <|im_end|><|im_end|>",
                ])
        // Thoughts are dropped from all but the last turn, and contents trimmed.
        let drops = try chat(
            """
            {%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'assistant' and not loop.last %}\
            {{ m.content.split('</think>')[-1] | trim }}{%- else %}{{ m.content | trim }}{%- endif %}{{ '<|im_end|>\\n' }}\
            {%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>' }}{%- endif %}
            """)
        let thoughts = [
            two[0], turn("assistant", "<think>\nr\n</think>\n\nnear"), two[2],
            turn("assistant", "<think>\nk\n</think>\n\nfar\n"),
        ]
        #expect(try learned(drops, thoughts) == ["near<|im_end|>", "\nk\n</think>\n\nfar<|im_end|>"])
        // As JSON, in large letters, and with every word apart.
        for (filter, answer) in [
            ("tojson", #""say \"near\"""#), ("upper", #"SAY "NEAR""#), ("replace(' ', '_')", #"say_"near""#),
        ] {
            let encoder = try chat(Self.chatML.replacingOccurrences(of: "m.content", with: "(m.content | \(filter))"))
            let row = [turn("user", "Which is near?"), turn("assistant", #"say "near""#), two[2], two[3]]
            let texts = try learned(encoder, row)
            #expect(texts.first == answer + "<|im_end|>")
            #expect(texts.count == 2)
        }
        // A switch in a turn of the user changes what is written around the answer.
        let switches = try chat(
            """
            {%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'assistant' and \
            'quietly' in messages[0].content %}{{ '(quiet) ' }}{%- endif %}{{ m.content + '<|im_end|>\\n' }}{%- endfor %}\
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
            """)
        let quiet = [turn("user", "Say near quietly"), two[1], two[2], two[3]]
        #expect(try learned(switches, quiet) == ["(quiet) near<|im_end|>", "(quiet) far<|im_end|>"])
    }

    @Test func callsAndThoughtsHaveAPlaceWithoutContent() throws {
        let encoder = try chat(
            """
            {%- for m in messages %}{{ '<|im_start|>' + m.role }}{%- if m.reasoning_content %}{{ '\\n<think>' + \
            m.reasoning_content + '</think>' }}{%- endif %}{%- if m.content %}{{ '\\n' + m.content }}{%- endif %}\
            {%- for c in m.tool_calls or [] %}{{ '\\n' + c.function.name + (c.function.arguments | tojson) }}{%- endfor %}\
            {{ '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
            """)
        let call = JSONValue.object([
            .init("function", .object([.init("name", .string("near")), .init("arguments", .object([]))]))
        ])
        let calls = ChatMessage(
            .object([
                .init("role", .string("assistant")), .init("content", .null),
                .init("tool_calls", .array([call, call])),
            ]))
        let row = [
            two[0], calls, turn("tool", "near"),
            turn("assistant", "far", .init("reasoning_content", .string("near"))),
        ]
        #expect(
            try learned(encoder, row) == ["near{}\nnear{}<|im_end|>", "<think>near</think>\nfar<|im_end|>"])
    }

    @Test func argumentsThatNoTemplateReadsAreRefused() throws {
        let encoder = try chat(Self.chatML)
        let inputs = TemplateInputs(arguments: [.init("enable_thinking", .bool(false))])
        for body in [
            { _ = try learned(encoder, two, .all, inputs) }, { _ = try encoder.prompt(.text("q"), inputs) },
        ] {
            #expect { try body() } throws: { "\($0)".contains("does not read 'chat_template_kwargs.enable_thinking'") }
        }
        for name in ["messages", "tools", "bos_token", "add_generation_prompt"] {
            #expect(TemplateInputs.reserved([.init(name, .null)]) == name)
        }
    }

    /// Places of a text are found one from the other; each is what it is by itself, as the offsets of tokens have it.
    @Test(arguments: [
        "gpt2", "llama3", "qwen2", "llama2", "mistral", "gemma", "phi3", "unigram_bytes",
    ]) func placesDoNotDependOnEachOther(name: String) throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": Array(try fixture("\(name).tokenizer.json"))])
        let text = String(
            repeating: "user: Where does the grey heron stand?\nassistant: It's in the lake – 🌳 河边.\n\n", count: 2)
        let bytes = Array(text.utf8)
        let splits = bytes.indices.dropFirst().filter { bytes[$0] & 0xC0 != 0x80 }
        let all = SplitEncoding(text, at: Array(splits), tokenizer)
        let each = splits.map { SplitEncoding(text, at: [$0], tokenizer).places[0] }
        let different = splits.indices.first { all.places[$0] != each[$0] }
        #expect(different == nil, "\(different.map { "\(all.places[$0]), \(each[$0])" } ?? "")")
        for (place, next) in zip(all.places, all.places.dropFirst()) {
            #expect(place.before <= place.reaching && place.before <= next.before && place.reaching <= next.reaching)
        }
    }
}
