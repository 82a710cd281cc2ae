import Testing

@testable import Tokenizers

/// A megabyte without a place to cut it: a tokenizer that is not linear in its input would not come to an end here.
@Suite struct LongInputTests {
    @Test(arguments: EqualityTests.kinds, ["a", " ", "é", "ab"])
    func aMegabyteOfTheSame(kind: String, piece: String) throws {
        let tokenizer = try Tokenizer(files: ["tokenizer.json": try fixture("\(kind).tokenizer.json")])
        let count = 1_000_000 / piece.utf8.count
        let ids = tokenizer.encode(String(repeating: piece, count: count), addSpecialTokens: false)
        // What a long run gives is what a short one gives, over and over: compared where both are whole.
        let short = tokenizer.encode(String(repeating: piece, count: 4096), addSpecialTokens: false)
        #expect(short.isEmpty == ids.isEmpty)
        let text = tokenizer.decode(ids)
        let shortText = tokenizer.decode(short)
        #expect(text.utf8.count >= shortText.utf8.count)
        #expect(Set(text.unicodeScalars) == Set(shortText.unicodeScalars))
    }
}
