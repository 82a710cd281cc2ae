@testable import Tokenizers

enum TokenizerInputs {
    private static func isExpected(_ error: any Error) -> Bool { error is TokenizerError }

    private static let texts = [
        "Hello, world! It's 12345.67", " two  spaces\n\n", "e\u{301}\u{FB01} \u{A0}日本語 🌳", "",
        "<|im_start|>user\n<s>[INST] hi </s>",
    ]

    /// Parts: tokenizer.json, a text, tokenizer_config.json, special_tokens_map.json, generation_config.json.
    static func files(_ bytes: [UInt8]) throws {
        let parts = ByteReader.parts(bytes)
        var files: [String: [UInt8]] = [:]
        let names = [
            "tokenizer.json", "", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
        ]
        for (name, part) in zip(names, parts) where !name.isEmpty && !part.isEmpty { files[name] = part }
        guard let tokenizer = try Finding.refusing(isExpected, { try Tokenizer(files: files) }) else { return }
        let own = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        for text in texts + [own] {
            let ids = tokenizer.encode(text)
            try Finding.expect(ids.allSatisfy { $0 >= 0 }, "an id is negative")
            let whole = tokenizer.decode(ids)
            var stream = tokenizer.streamingDecoder()
            let pieces = ids.map { stream.push($0) }.joined() + stream.finish()
            try Finding.expect(whole == pieces, "decoded one by one, the ids of '\(text)' are another text")
        }
        _ = tokenizer.decode([-1, .max, 0, 1, 2, .min, 3], skipSpecialTokens: true)
        _ = tokenizer.answerEnds
        _ = tokenizer.difference(to: tokenizer)
        _ = try Finding.refusing(isExpected) {
            let encoder = try ConversationEncoder(tokenizer, usesTemplate: tokenizer.hasChatTemplate)
            _ = try encoder.prompt(.turns([ChatMessage(role: "user", content: own)]), TemplateInputs())
        }
    }

    /// Parts: a pattern, a text.
    static func pattern(_ bytes: [UInt8]) throws {
        let parts = ByteReader.parts(bytes)
        let source = String(decoding: parts[0], as: UTF8.self)
        guard let pattern = try Finding.refusing(isExpected, { try Pattern(source) }) else { return }
        for text in texts.map({ Array($0.utf8) })
            + parts.dropFirst().map({ Array(String(decoding: $0, as: UTF8.self).utf8) })
        {
            for behavior in [SplitBehavior.removed, .isolated, .mergedWithPrevious, .mergedWithNext, .contiguous] {
                var pieces = Pieces(text, startsInput: true)
                pieces.split(pattern, behavior, invert: false)
                try Finding.expect(
                    pieces.ranges.allSatisfy { !$0.isEmpty && $0.upperBound <= text.count }, "a piece is no piece")
            }
        }
    }

    /// Parts: a template, variables as JSON.
    static func template(_ bytes: [UInt8]) throws {
        let parts = ByteReader.parts(bytes)
        let source = String(decoding: parts[0], as: UTF8.self)
        guard let template = try Finding.refusing(isExpected, { try ChatTemplate(source) }) else { return }
        let value = parts.count > 1 ? try? JSONValue(line: parts[1]) : nil
        let variables =
            value?.members ?? [
                .init("messages", .array([ChatMessage(role: "user", content: "hi").json])),
                .init("add_generation_prompt", .bool(true)), .init("bos_token", .string("<s>")), .init("tools", .null),
            ]
        _ = try Finding.refusing(isExpected) { try template.render(variables, clock: 1_700_000_000) }
    }
}
