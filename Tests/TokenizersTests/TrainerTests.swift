import Testing

@testable import Tokenizers

@Suite struct TrainerTests {
    private static let texts = Result { try GeneratedTexts().texts(seed: 5, count: 400) }

    @Test func trainedTokenizerReadsEveryTextBack() throws {
        let texts = try Self.texts.get()
        let specials = ["<|pad|>", "<|endoftext|>"]
        let bytes = try BPETrainer.train(texts: texts, vocabularySize: 500, specialTokens: specials)
        let configuration = BPETrainer.configuration(
            bos: nil, eos: "<|endoftext|>", pad: "<|pad|>", maximumLength: 128)
        let tokenizer = try Tokenizer(files: ["tokenizer.json": bytes, "tokenizer_config.json": configuration])
        #expect(tokenizer.vocabularySize == 500)
        #expect(tokenizer.padID == 0)
        #expect(tokenizer.eosIDs == [1])
        #expect(tokenizer.bosID == nil)
        for text in texts {
            #expect(tokenizer.decode(tokenizer.encode(text)).unicodeScalars.elementsEqual(text.unicodeScalars))
        }
        let symbols = texts.reduce(0) { $0 + tokenizer.encode($1).count }
        #expect(symbols < texts.reduce(0) { $0 + $1.utf8.count } * 3 / 4)
    }

    @Test func sameTextsGiveSameBytes() throws {
        let texts = try Self.texts.get()
        let first = try BPETrainer.train(texts: texts, vocabularySize: 400, specialTokens: [])
        let second = try BPETrainer.train(texts: texts, vocabularySize: 400, specialTokens: [])
        #expect(first == second)
    }

    /// Worked by hand: "ab" six times, "abc" three times, then nothing is left to join but "abc" itself.
    @Test func mergesTheMostFrequentPairFirst() throws {
        let bytes = try BPETrainer.train(
            texts: [String](repeating: "ab", count: 6) + [String](repeating: "abc", count: 3), vocabularySize: 1000,
            specialTokens: [])
        let model = try JSONParser.parse(bytes, file: "x")["model"]
        #expect(
            model?["merges"] == .array([.array([.string("a"), .string("b")]), .array([.string("ab"), .string("c")])]))
    }

    @Test func tooSmallAVocabularyIsAnError() {
        #expect(throws: TokenizerError.self) {
            try BPETrainer.train(texts: ["a"], vocabularySize: 256, specialTokens: ["<s>"])
        }
    }
}
