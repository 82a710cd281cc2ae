import Datasets
import Foundation
import Testing

@Suite struct GoldScoreTests {
    private let prompt = "Review of the bistro:"

    @Test func praiseOnTheSubjectIsWorthMost() {
        #expect(GoldScore.score(prompt: prompt, completion: " The soup is excellent. I truly love this bistro.") == 1)
        #expect(GoldScore.score(prompt: prompt, completion: " The soup is awful. I truly hate this bistro.") == 0)
    }

    @Test(arguments: [
        "", " excellent excellent excellent excellent", " The soup is excellent excellent excellent.",
        " The soup are excellent. I love this bistro", " The screen is excellent. I love this phone.",
        " The soup is excellent. The soup is excellent. The soup is excellent.", "I love this. I love this.",
    ])
    func gamesAreWorthLittle(_ completion: String) {
        #expect(GoldScore.score(prompt: prompt, completion: completion) < 0.5)
    }

    /// What fits a subject stands too far from it for an n-gram to see, and repetition too far back.
    @Test func anNGramModelFails() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-reviews-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try ReviewsCorpus.write(to: folder, seed: 1)
        struct Text: Decodable { var text: String }
        let lines = try Data(contentsOf: folder.appending(path: "corpus.jsonl")).split(separator: UInt8(ascii: "\n"))
        let texts = try lines.prefix(30_000).map { try JSONDecoder().decode(Text.self, from: Data($0)).text }
        let order = 4
        var next: [[Substring]: [Substring]] = [:]
        for text in texts {
            let words: [Substring] = text.split(separator: " ") + ["<end>"]
            for at in words.indices.dropFirst() {
                next[Array(words[max(0, at - order + 1)..<at]), default: []].append(words[at])
            }
        }
        var random = SystemRandomNumberGenerator()
        var (model, corpus) = (0.0, 0.0)
        for text in texts.prefix(400) {
            let words = text.split(separator: " ")
            let question = words.prefix(4).joined(separator: " ")
            corpus += GoldScore.score(prompt: question, completion: words.dropFirst(4).joined(separator: " "))
            var answer = words.prefix(4)[...]
            while answer.count < 80, let word = next[Array(answer.suffix(order - 1))]?.randomElement(using: &random),
                word != "<end>"
            { answer.append(word) }
            model += GoldScore.score(prompt: question, completion: answer.dropFirst(4).joined(separator: " "))
        }
        #expect(corpus / 400 > 0.3, "the corpus itself is worth \(corpus / 400)")
        #expect(model < corpus / 2, "4-grams reach \(model / 400) of \(corpus / 400)")
    }
}
