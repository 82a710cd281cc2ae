import Testing

@testable import Tokenizers

/// Damaged and unknown files give an error that names the place, never a trap.
@Suite struct BadInputTests {
    private static func message(_ json: String, file: String = "tokenizer.json", with other: String? = nil) -> String {
        var files = [file: Array(json.utf8)]
        if let other { files["tokenizer.json"] = Array(other.utf8) }
        do throws(TokenizerError) {
            _ = try Tokenizer(files: files)
            return "no error"
        } catch {
            return error.description
        }
    }

    private static func bpe(vocab: String = #"{"a":0,"b":1,"ab":2}"#, merges: String = #"["a b"]"#, more: String = "")
        -> String
    {
        #"{"model":{"type":"BPE","vocab":\#(vocab),"merges":\#(merges)\#(more)}}"#
    }

    @Test func theSmallestTokenizerLoads() throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": Array(Self.bpe().utf8)])
        #expect(tokenizer.encode("abba") == [2, 1, 0])
        #expect(tokenizer.encode("") == [])
        #expect(tokenizer.decode([2, 0]) == "ab a")
    }

    @Test(arguments: [
        (bpe(merges: #"["a c"]"#), #"tokenizer.json.model.merges[0] names "c", which is not in the vocabulary"#),
        (bpe(merges: #"["b a"]"#), #"merges[0] names "ba""#),
        (bpe(merges: #"["a"]"#), "merges[0] is not a pair"), (bpe(merges: #"[["a","b","c"]]"#), "is not a pair"),
        (bpe(merges: "7"), "model.merges is an integer, expected an array"),
        (bpe(vocab: #"{"a":-1}"#), "-1 is not a token id"), (bpe(vocab: #"{"a":"x"}"#), "is not an integer"),
        (bpe(vocab: #"{"a":99999999999}"#), "is not a token id"), (bpe(vocab: #"{"a":2000000000}"#), "is too large"),
        (bpe(vocab: "[]"), "vocab is an array, expected an object"),
        (bpe(more: #","dropout":0.1"#), "dropout"), (bpe(more: #","new_option":1"#), "unknown key 'new_option'"),
        (bpe(more: #","unk_token":"?""#), "unk_token '?' is not in the vocabulary"),
        (bpe(more: #","continuing_subword_prefix":"@@""#), "continuing_subword_prefix"),
        (#"{"model":{"type":"WordPiece"}}"#, "the model 'WordPiece' is not supported"), ("{}", "has no 'model'"),
        ("[]", "tokenizer.json is an array, expected an object"),
        (#"{"surprise":1}"#, "unknown key 'surprise'"),
    ]) func modelErrors(json: String, part: String) {
        #expect(Self.message(json).contains(part), "\(Self.message(json))")
    }

    @Test(arguments: [
        (#""normalizer":{"type":"Odd"}"#, "the normalizer 'Odd'"),
        (#""pre_tokenizer":{"type":"Odd"}"#, "the pre-tokenizer 'Odd'"),
        (#""pre_tokenizer":{"type":"ByteLevel","odd":1}"#, "pre_tokenizer has the unknown key 'odd'"),
        (
            #""pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"}"#,
            "a group without its ')'"
        ),
        (#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"Odd"}"#, "the behavior 'Odd'"),
        (#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\p{Odd}"},"behavior":"Isolated"}"#, "property 'Odd'"),
        (#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a{1000}){1000}"},"behavior":"Isolated"}"#, "too long"),
        (#""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Odd"}]}"#, "pretokenizers[0]"),
        (#""post_processor":{"type":"Odd"}"#, "the post-processor 'Odd'"),
        (#""decoder":{"type":"Odd"}"#, "the decoder 'Odd'"),
        (#""decoder":{"type":"Strip","content":"xx","start":1,"stop":0}"#, "is not one character"),
        (#""added_tokens":[{"id":-3,"content":"x"}]"#, "added_tokens[0].id: -3 is not a token id"),
        (#""added_tokens":[{"id":3}]"#, "added_tokens[0] has no 'content'"),
        (
            #""post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},"#
                + #"{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{}}"#,
            "'<s>' is not among special_tokens"
        ),
    ]) func componentErrors(component: String, part: String) {
        let json = "{\(component),\(Self.bpe().dropFirst())"
        #expect(Self.message(json).contains(part), "\(Self.message(json))")
    }

    @Test func everyTruncationIsASyntaxError() throws {
        let whole = try fixture("bloom.tokenizer.json")
        for count in stride(from: 0, to: whole.count - 1, by: 97) {
            do throws(TokenizerError) {
                _ = try Tokenizer(files: ["tokenizer.json": whole.prefix(count)])
                Issue.record("a file cut after \(count) bytes was read")
            } catch {
                #expect(error.code == .syntax)
            }
        }
    }

    @Test(arguments: [
        ("{\n  \"a\": tru\n}", "tokenizer.json:2:8"), ("\"\\ud800\"", "half of a surrogate pair"),
        ("[1,]", "not a JSON value"), ("\"a\nb\"", "control character"), ("{} x", "more text"),
        ("[1 2]", "expected ','"),
        ("\"\\q\"", "unknown escape"), ("1e999", "not a JSON value"), ("--1", "not a JSON value"), ("", "ends where"),
        (String(repeating: "[", count: 100_000), "nested deeper"),
    ]) func syntaxErrors(json: String, part: String) {
        #expect(Self.message(json).contains(part), "\(Self.message(json))")
    }

    @Test func invalidUTF8IsAnError() {
        #expect(throws: TokenizerError.self) {
            try Tokenizer(files: ["tokenizer.json": [0x22, 0xFF, 0x22]])
        }
    }

    @Test func settingsErrorsNameTheirFile() {
        let odd = Self.message(#"{"eos_token":7}"#, file: "tokenizer_config.json", with: Self.bpe())
        #expect(odd.contains("tokenizer_config.json: eos_token is an integer"))
        let ends = Self.message(#"{"eos_token_id":["x"]}"#, file: "generation_config.json", with: Self.bpe())
        #expect(ends.contains("generation_config.json: eos_token_id"))
        let own = Self.message(#"{"eos_token_id":"x"}"#, file: "config.json", with: Self.bpe())
        #expect(own.contains("config.json: eos_token_id"))
    }

    @Test func idsOutOfRangeAreLeftOut() throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": try fixture("gpt2.tokenizer.json")])
        let ids = tokenizer.encode("good story")
        #expect(tokenizer.decode([-1, .min] + ids + [.max, 1_000_000]) == "good story")
        #expect(tokenizer.token(-1) == nil)
        #expect(tokenizer.token(.max) == nil)
    }

    @Test func aDirectoryWithoutATokenizerSaysSo() {
        #expect(throws: TokenizerError.self) { try Tokenizer(directory: "/nonexistent") }
    }
}
