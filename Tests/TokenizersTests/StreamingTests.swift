import Testing

@testable import Tokenizers

@Suite struct StreamingTests {
    @Test func neverSplitsACharacter() throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": try fixture("gpt2.tokenizer.json")])
        let text = "naïve 👩‍👩‍👧‍👦 中文字 ﷺ end"
        var stream = tokenizer.streamingDecoder()
        var parts: [String] = []
        for id in tokenizer.encode(text) { parts.append(stream.push(id)) }
        parts.append(stream.finish())
        #expect(parts.joined() == text)
        #expect(!parts.contains { $0.unicodeScalars.contains("\u{FFFD}") })
        #expect(parts.contains(""), "a character of several tokens is held back")
    }

    @Test func anUnfinishedCharacterComesOutAtTheEnd() throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": try fixture("gpt2.tokenizer.json")])
        let ids = tokenizer.encode("\u{12345}")
        var stream = tokenizer.streamingDecoder()
        #expect(stream.push(ids[0]) == "")
        #expect(stream.finish() == "\u{FFFD}")
    }

    @Test func specialTokensAreLeftOutOnlyWhenAsked() throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": try fixture("llama3.tokenizer.json")])
        let ids = tokenizer.encode("hello<|eot_id|>")
        #expect(tokenizer.decode(ids) == "<|begin_of_text|>hello<|eot_id|>")
        #expect(tokenizer.decode(ids, skipSpecialTokens: true) == "hello")
    }
}
