import Foundation
import Testing

@testable import Tokenizers

/// How a reward model reads the answers of a policy.
@Suite struct AnswerEncoderTests {
    private static let chatML = """
        {%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{%- endfor %}\
        {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
        """

    /// A tokenizer of single characters.
    ///
    /// - Parameter first: which character has the first id; another one is another tokenizer.
    private func tokenizer(template: String? = chatML, first: Int = 32, padding: Bool = false) throws -> Tokenizer {
        var vocabulary: [String: Int] = [:]
        let codes = Array(first..<127) + Array(32..<first) + [10]
        for (id, code) in codes.enumerated() {
            let scalar = try #require(UnicodeScalar(ByteAlphabet.scalars[code]))
            vocabulary[String(Character(scalar))] = id
        }
        let names = ["<|im_start|>", "<|im_end|>"] + (padding ? ["<pad>"] : [])
        let tokens = names.enumerated().map { index, token in
            [
                "id": vocabulary.count + index, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false,
                "normalized": false, "special": true,
            ] as [String: Any]
        }
        let json: [String: Any] = [
            "version": "1.0", "added_tokens": tokens,
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true],
            "decoder": ["type": "ByteLevel"],
            "model": ["type": "BPE", "vocab": vocabulary, "merges": [String]()],
        ]
        var files = [
            "tokenizer.json": Array(try JSONSerialization.data(withJSONObject: json)),
            "tokenizer_config.json": Array(#"{"eos_token": "<|im_end|>"}"#.utf8),
        ]
        if let template { files["chat_template.jinja"] = Array(template.utf8) }
        return try Tokenizer(files: files)
    }

    @Test func equalTokenizersReadWhatWasSampled() throws {
        let policy = try tokenizer()
        #expect(
            try RewardReading(policy: policy, reward: tokenizer(), usesTemplate: true, isTrainedHere: true) == .sampled)
        // A padding token behind the policy's vocabulary changes no id.
        #expect(
            try RewardReading(policy: policy, reward: tokenizer(padding: true), usesTemplate: true, isTrainedHere: true)
                == .sampled)
        #expect(
            try RewardReading(policy: policy, reward: tokenizer(template: nil), usesTemplate: true, isTrainedHere: true)
                == .sampled)
    }

    /// What a published model reads is what its template gives, here and in `skein score`.
    @Test func aPublishedModelReadsWhatItsTemplateWritesBehindAnAnswer() throws {
        let ends = Self.chatML.replacingOccurrences(of: "'<|im_end|>\\n'", with: "'<|im_end|>'")
        #expect(ends != Self.chatML)
        let both = "{%- if not add_generation_prompt %}{{ eos_token }}{%- endif %}"
        for (template, tail) in [(Self.chatML, "\n"), (ends, ""), (ends + both, "<|im_end|>")] {
            let policy = try tokenizer(template: template)
            func reading(_ isTrainedHere: Bool) throws -> RewardReading {
                try RewardReading(
                    policy: policy, reward: policy, usesTemplate: true, isTrainedHere: isTrainedHere)
            }
            #expect(try reading(true) == .sampled)
            let score = try AnswerEncoder(policy, isTrainedHere: false).tokens(.text("Who?"), .text("Me."))
            // The policy ends its answer with the token that ends a turn.
            let sampled = try ConversationEncoder(policy).prompt(.text("Who?")) + policy.encode("Me.<|im_end|>")
            #expect(score == sampled + policy.encode(tail))
            if try reading(false) == .sampled { #expect(score == sampled) } else { #expect(score != sampled) }
            #expect(
                try RewardReading(policy: policy, reward: policy, usesTemplate: false, isTrainedHere: false) == .sampled
            )
        }
    }

    @Test func otherTokenizersEncodeAgain() throws {
        let policy = try tokenizer()
        guard
            case .encodedAgain(let ids) = try RewardReading(
                policy: policy, reward: tokenizer(first: 33), usesTemplate: true, isTrainedHere: true),
            case .encodedAgain(let template) = try RewardReading(
                policy: policy, reward: tokenizer(template: "{{ messages[0]['content'] }}"), usesTemplate: true,
                isTrainedHere: true),
            case .encodedAgain(let missing) = try RewardReading(
                policy: tokenizer(padding: true), reward: policy, usesTemplate: true, isTrainedHere: true)
        else {
            Issue.record("ids that mean something else are read as they are")
            return
        }
        #expect(ids.contains("token 0 is"))
        #expect(template.contains("templates differ"))
        #expect(missing.contains("'<pad>' in one and missing"))
        // Without a template in use, another one does not matter.
        #expect(
            try RewardReading(
                policy: policy, reward: tokenizer(template: "{{ messages[0]['content'] }}"), usesTemplate: false,
                isTrainedHere: true)
                == .sampled)
        let error = #expect(throws: TokenizerError.self) {
            try RewardReading(
                policy: policy, reward: tokenizer(template: nil, first: 33), usesTemplate: true, isTrainedHere: true)
        }
        #expect(error?.message.contains("data.chat_template: none") == true)
    }

    /// - Parameter merges: of `a`, `b` and `c`.
    private func joining(_ merges: [String], extra: String = "[]") throws -> Tokenizer {
        let vocabulary = #"{"a":0,"b":1,"c":2,"ab":3,"bc":4}"#
        let json = """
            {"version":"1.0","added_tokens":\(extra),"model":{"type":"BPE","vocab":\(vocabulary),"merges":\
            [\(merges.map { "\"\($0)\"" }.joined(separator: ","))]}}
            """
        return try Tokenizer(files: ["tokenizer.json": Array(json.utf8)])
    }

    @Test func oneVocabularyWithOtherMergesIsAnotherTokenizer() throws {
        let tokens = try joining(["a b", "b c"])
        #expect(try tokens.difference(to: joining(["a b", "b c"])) == nil)
        #expect(try tokens.difference(to: joining(["b c", "a b"])) != nil)
        #expect(try tokens.difference(to: joining(["a b"])) != nil)
    }

    @Test func aTextEndsWhereItsModelWasTrainedToReadIt() throws {
        let tokens = try tokenizer()
        func text(_ ids: [Int32]) -> String { tokens.decode(ids) }
        let turns = "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"
        for (isTrainedHere, end) in [(false, "<|im_end|>\n"), (true, "<|im_end|>")] {
            let chat = try AnswerEncoder(tokens, isTrainedHere: isTrainedHere)
            #expect(try text(chat.tokens(.text("Who?"), .text("Me."))) == turns + "Me." + end)
            // What was cut off is not finished by an end of turn, whose letters it may have.
            for cut in ["Me.", "", "end", "|", ">", "im"] {
                #expect(try text(chat.tokens(.text("Who?"), .text(cut), isFinished: false)) == turns + cut)
            }
            let plain = try AnswerEncoder(tokens, isTrainedHere: isTrainedHere, usesTemplate: false)
            #expect(try text(plain.tokens(.text("Who? "), .text("Me."))) == "Who? Me.<|im_end|>")
            #expect(try text(plain.tokens(.text("Who? "), .text("Me."), isFinished: false)) == "Who? Me.")
            let question = ChatMessage(role: "user", content: "Who?")
            #expect(try text(plain.tokens(.turns([question]), .text("Me."))) == "user: Who?Me.<|im_end|>")
        }
    }

    /// A system turn that the reward model's template passes over would be scored as if it were not there.
    @Test func aPromptThatTheTemplateDoesNotShowIsRefused() throws {
        let template = "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% endif %}{% endfor %}"
        for isTrainedHere in [true, false] {
            let encoder = try AnswerEncoder(try tokenizer(template: template), isTrainedHere: isTrainedHere)
            let system = #"{"role":"system","content":"Be brief."}"#
            let user = #"{"role":"user","content":"Who?"}"#
            #expect { try encoder.check(prompt: "", conversation: #"{"messages":[\#(system),\#(user)]}"#) } throws: {
                "\($0)".contains("role 'system' as turn 1")
            }
            #expect(throws: Never.self) { try encoder.check(prompt: "", conversation: #"{"messages":[\#(user)]}"#) }
        }
    }

    @Test func aConversationComesAsJSON() throws {
        let published = try AnswerEncoder(
            try tokenizer(
                template: "{{ messages[0]['content'] }}{{ tools }}{{ mood }}{{ tone }}{{ messages[1]['content'] }}"),
            isTrainedHere: false,
            arguments: #"{"tone": "low", "mood": "loud"}"#)
        func text(_ conversation: String) throws -> String {
            try tokenizer().decode(
                published.tokens(prompt: "?", conversation: conversation, answer: "b", isFinished: true))
        }
        // The row's arguments count more than the run's; a number that is not finite is no fault.
        let row = #"{"messages":[{"role":"user","content":"a","score":NaN}],"template_arguments":{"mood":"calm"}}"#
        #expect(try text(row).hasSuffix("calmlowb"))
        for bad in ["[]", "{}", #"{"messages": 3}"#, "{"] {
            #expect(throws: TokenizerError.self, "\(bad)") { try text(bad) }
        }
    }
}
