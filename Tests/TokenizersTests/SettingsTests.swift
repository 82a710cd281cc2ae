import Testing

@testable import Tokenizers

/// Ids equal those of `transformers`, which follows tokenizer_config.json and the class that it names.
@Suite struct SettingsTests {
    private static let texts = Result { try GeneratedTexts().texts(seed: 4, count: 500) }

    @Test(arguments: 0..<12) func idsEqualTheReference(index: Int) throws {
        let cases = try #require(try JSONParser.parse(try fixture("configured.json"), file: "configured.json").array)
        #expect(cases.count == 12)
        let expected = cases[index]
        let kind = try #require(expected["kind"]?.string)
        let configuration = try #require(expected["configuration"])
        var files = [
            "tokenizer.json": try fixture("\(kind).tokenizer.json"),
            "tokenizer_config.json": Array(JSONWriter().text(configuration).utf8),
        ]
        if let map = expected["map"], map != .null {
            files["special_tokens_map.json"] = Array(JSONWriter().text(map).utf8)
        }
        let tokenizer = try Tokenizer(files: files)
        func id(_ key: String) -> Int32? { expected[key]?.integer.map { Int32($0) } }
        #expect(tokenizer.bosID == id("bos"))
        #expect(tokenizer.eosID == id("eos"))
        #expect(tokenizer.padID == id("pad"))
        #expect(tokenizer.unknownID == id("unknown"))
        #expect(tokenizer.vocabularySize == expected["size"]?.integer)
        let ids = try Self.texts.get().map { tokenizer.encode($0) }
        #expect(Digest.blocks(ids) == expected["ids"]?.array?.compactMap(\.string))
        let decoded = ids.map { tokenizer.decode($0, skipSpecialTokens: true) }
        #expect(Digest.blocks(decoded) == expected["decoded"]?.array?.compactMap(\.string))
    }

    @Test func answersEndAtEveryTokenThatTheGenerationSettingsName() throws {
        let tokenizer = try Tokenizer(files: [
            "tokenizer.json": try fixture("llama3.tokenizer.json"),
            "tokenizer_config.json": Array(#"{"eos_token":"<|eot_id|>"}"#.utf8),
            "generation_config.json": Array(#"{"eos_token_id":[800,804]}"#.utf8),
        ])
        #expect(tokenizer.eosIDs == [804, 800])
        #expect(tokenizer.eosID == 804)
    }

    /// As in transformers: config.json counts where there is no generation_config.json.
    @Test(arguments: [
        (nil, #"{"eos_token_id":[800,803]}"#, [804, 800, 803]), (nil, #"{"eos_token_id":800}"#, [804, 800]),
        (nil, #"{"eos_token_id":null}"#, [804]), (nil, #"{"eos_token_id":-1}"#, [804]), (nil, "{}", [804]),
        (nil, #"{"eos_token_id":null,"text_config":{"eos_token_id":[801]}}"#, [804, 801]),
        (#"{"eos_token_id":[802,null,-1]}"#, #"{"eos_token_id":[800]}"#, [804, 802]),
        ("{}", #"{"eos_token_id":[800]}"#, [804]),
    ])
    func theModelsConfigurationCountsWithoutGenerationSettings(
        _ generation: String?, _ model: String, _ expected: [Int32]
    ) throws {
        var files = [
            "tokenizer.json": try fixture("llama3.tokenizer.json"),
            "tokenizer_config.json": Array(#"{"eos_token":"<|eot_id|>"}"#.utf8),
            "config.json": Array(model.utf8),
        ]
        files["generation_config.json"] = generation.map { Array($0.utf8) }
        #expect(try Tokenizer(files: files).eosIDs == expected)
    }
}
