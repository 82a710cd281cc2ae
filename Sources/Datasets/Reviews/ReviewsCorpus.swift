package import Foundation

/// The data of the quickstart, made from a seed: texts, demonstrations, preference pairs and prompts.
package enum ReviewsCorpus {
    private struct Text: Encodable { var text: String }
    private struct Demonstration: Encodable { var prompt: String; var completion: String }
    private struct Pair: Encodable { var prompt: String; var chosen: String; var rejected: String }
    private struct Question: Encodable { var prompt: String }

    /// Share of the preference labels that are turned round, as people do.
    private static let flipped = 0.1

    package static func write(to directory: URL, seed: UInt64) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var grammar = ReviewGrammar(random: SplitMix(seed))
        func subject() -> (ReviewWords.Kind, String) {
            let kind = grammar.pick(ReviewWords.kinds)
            return (kind, grammar.pick(kind.subjects))
        }
        func prompt(_ subject: String) -> String { "Review of the \(subject):" }
        func favour() -> Double { grammar.pick([0.1, 0.5, 0.9]) }
        try save(
            "corpus", in: directory,
            (0..<16_000).map { _ in
                let (kind, name) = subject()
                return Text(text: prompt(name) + " " + grammar.review(kind, name, favour: favour()))
            })
        try save(
            "demonstrations", in: directory,
            (0..<3_000).map { _ in
                let (kind, name) = subject()
                return Demonstration(
                    prompt: prompt(name), completion: " " + grammar.review(kind, name, favour: favour()))
            })
        for (file, count) in [("preferences", 4_000), ("preferences-validation", 500)] {
            var pairs: [Pair] = []
            while pairs.count < count {
                let (kind, name) = subject()
                let question = prompt(name)
                let a = candidate(&grammar, kind, name, favour())
                let b = candidate(&grammar, kind, name, favour())
                let difference =
                    GoldScore.score(prompt: question, completion: a) - GoldScore.score(prompt: question, completion: b)
                guard difference != 0 else { continue }
                let aWins = (difference > 0) != grammar.chance(flipped)
                pairs.append(Pair(prompt: question, chosen: aWins ? a : b, rejected: aWins ? b : a))
            }
            try save(file, in: directory, pairs)
        }
        // Half of the subjects are asked about in training, the other half only at the end.
        for (file, count, even) in [("prompts", 800, true), ("evaluation-prompts", 200, false)] {
            try save(
                file, in: directory,
                (0..<count).map { _ in
                    let kind = grammar.pick(ReviewWords.kinds)
                    let half = kind.subjects.indices.filter { ($0 % 2 == 0) == even }
                    return Question(prompt: prompt(kind.subjects[grammar.pick(half)]))
                })
        }
    }

    /// An answer as models write them: most are reviews, some have a defect that a reward model must learn to dislike.
    private static func candidate(
        _ grammar: inout ReviewGrammar, _ kind: ReviewWords.Kind, _ subject: String, _ favour: Double
    ) -> String {
        let defect = grammar.random.next() % 8
        if defect == 0 {
            let other = grammar.pick(ReviewWords.kinds)
            return " " + grammar.review(other, grammar.pick(other.subjects), favour: 0.9)
        }
        let text = grammar.review(kind, subject, favour: favour)
        switch defect {
        case 1:
            let first = text.prefix(while: { $0 != "." }) + "."
            return " \(first) \(first) \(first)"
        case 2:
            var words = text.split(separator: " ")
            words.remove(at: Int(grammar.random.next() % UInt64(words.count)))
            return " " + words.joined(separator: " ")
        case 3:
            let word = grammar.pick(ReviewWords.good)
            return " The " + Array(repeating: word, count: 6).joined(separator: " ") + "."
        default: return " " + text
        }
    }

    private static func save(_ name: String, in directory: URL, _ rows: [some Encodable]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = Data()
        for row in rows {
            data += try encoder.encode(row)
            data.append(UInt8(ascii: "\n"))
        }
        try data.write(to: directory.appending(path: "\(name).jsonl"), options: .atomic)
    }
}
