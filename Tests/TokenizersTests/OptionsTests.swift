import Testing

@testable import Tokenizers

/// `add_prefix_space` and special tokens beside the standard ones mean what `transformers` 4 and 5 make of them.
@Suite struct OptionsTests {
    private static let fixtures = Result {
        try JSONValue(parsing: try fixture("options.json"), name: "options.json")
    }

    private static func tokenizer(_ expected: JSONValue) throws -> Tokenizer {
        let level = JSONValue.object([
            .init("type", .string("ByteLevel")), .init("add_prefix_space", .bool(expected["prefix"]?.bool ?? false)),
            .init("trim_offsets", .bool(true)), .init("use_regex", .bool(true)),
        ])
        let digits = JSONValue.object([.init("type", .string("Digits")), .init("individual_digits", .bool(true))])
        let sequence = JSONValue.object([
            .init("type", .string("Sequence")), .init("pretokenizers", .array([digits, level])),
        ])
        let json = try JSONValue(parsing: try fixture("gpt2.tokenizer.json"), name: "gpt2")
        let members = try #require(json.members).map { member in
            member.key == "pre_tokenizer"
                ? .init(member.key, expected["within"]?.bool == true ? sequence : level) : member
        }
        var files = ["tokenizer.json": Array(JSONWriter().text(.object(members)).utf8)]
        files["tokenizer_config.json"] = Array(JSONWriter().text(try #require(expected["configuration"])).utf8)
        if let map = expected["map"], map != .null {
            files["special_tokens_map.json"] = Array(JSONWriter().text(map).utf8)
        }
        return try Tokenizer(files: files)
    }

    @Test func idsEqualTheReferenceWhateverTheClass() throws {
        let all = try Self.fixtures.get()
        let texts = try #require(all["texts"]?.array).compactMap(\.string)
        let cases = try #require(all["cases"]?.array)
        #expect(texts.count == 6 && cases.count > 130)
        for expected in cases {
            let tokenizer = try Self.tokenizer(expected)
            let ids = texts.map { tokenizer.encode($0, addSpecialTokens: false).map { JSONValue.integer(Int($0)) } }
            let said = JSONWriter().text(
                .object((expected.members ?? []).filter { !["ids", "size"].contains($0.key) }))
            #expect(ids.map { .array($0) } == expected["ids"]?.array, "\(said)")
            if let size = expected["size"]?.integer { #expect(tokenizer.vocabularySize == size, "\(said)") }
        }
    }

    @Test(arguments: [
        (#"{"extra_special_tokens":"<x>"}"#, "extra_special_tokens is a string, expected a list"),
        (#"{"extra_special_tokens":[3]}"#, "extra_special_tokens is an integer, expected a string"),
        (#"{"extra_special_tokens":{"image_token":3}}"#, "extra_special_tokens.image_token is an integer"),
        (#"{"additional_special_tokens":{"a":"b"}}"#, "additional_special_tokens is an object, expected a list"),
        (#"{"extra_special_tokens":[{"content":"x","odd":1}]}"#, "unknown key 'odd'"),
    ]) func badTokensAreNamed(_ configuration: String, _ part: String) throws {
        let base = try fixture("gpt2.tokenizer.json")
        #expect {
            try Tokenizer(files: ["tokenizer.json": base, "tokenizer_config.json": Array(configuration.utf8)])
        } throws: { "\($0)".contains("tokenizer_config.json: ") && "\($0)".contains(part) }
    }
}
