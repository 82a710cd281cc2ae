import Testing

@testable import Tokenizers

/// Ids and texts equal those of the `tokenizers` library on 10,000 generated strings for each kind of tokenizer.
@Suite struct EqualityTests {
    static let kinds = [
        "gpt2", "gpt2_prefix", "llama3", "qwen2", "cl100k", "o200k", "neox", "digits", "falcon", "deepseek", "bloom",
        "behaviors", "flags", "llama2", "mistral", "phi3", "gemma", "t5", "albert", "unigram_bytes", "words",
        "punctuation",
    ]
    private static let texts = Result { try GeneratedTexts().texts(seed: 2, count: 10_000) }

    @Test(arguments: kinds) func idsAndTextsEqualTheReference(kind: String) throws {
        let texts = try Self.texts.get()
        let tokenizer = try Tokenizer(files: ["tokenizer.json": try fixture("\(kind).tokenizer.json")])
        let expected = try JSONParser.parse(try fixture("\(kind).expected.json"), file: kind)
        func hashes(_ key: String) -> [String] { (expected[key]?.array ?? []).compactMap(\.string) }
        let size = try #require(expected["size"]?.integer)
        #expect(tokenizer.vocabularySize == size)

        let ids = texts.map { tokenizer.encode($0) }
        expectEqual(Digest.blocks(ids), hashes("ids"), "ids of \(kind)")
        let plain = texts.prefix(1000).map { tokenizer.encode($0, addSpecialTokens: false) }
        expectEqual(Digest.blocks(plain), hashes("plain"), "ids of \(kind) without special tokens")
        let decoded = ids.map { tokenizer.decode($0, skipSpecialTokens: true) }
        expectEqual(Digest.blocks(decoded), hashes("decoded"), "texts of \(kind)")
        // Ids in any order: bytes that make no character, and ids beyond the vocabulary.
        let lists = GeneratedTexts.idLists(seed: 3, count: 2000, size: size + 3)
        let random = lists.map { tokenizer.decode($0) }
        expectEqual(Digest.blocks(random), hashes("random"), "texts of random ids of \(kind)")
        for (list, text) in zip(lists, random) {
            #expect(streamed(list, tokenizer).unicodeScalars.elementsEqual(text.unicodeScalars))
        }
    }

    private func expectEqual(_ actual: [String], _ expected: [String], _ what: String) {
        #expect(actual.count == expected.count)
        let different = zip(actual, expected).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
        #expect(different.isEmpty, "\(what) differ in the blocks of 50 with the numbers \(different.prefix(5))")
    }

    private func streamed(_ ids: [Int32], _ tokenizer: Tokenizer) -> String {
        var stream = tokenizer.streamingDecoder()
        var text = ""
        for id in ids { text += stream.push(id) }
        return text + stream.finish()
    }
}
