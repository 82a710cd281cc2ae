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
        func subject() -> (ReviewKind, String) {
            let kind = grammar.pick(ReviewKind.all)
            return (kind, grammar.pick(kind.subjects))
        }
        func prompt(_ subject: String) -> String { "Review of the \(subject):" }
        func review(_ kind: ReviewKind, _ subject: String, favour: [Double]) -> String {
            ReviewGrammar.text(grammar.review(kind, subject, favour: grammar.pick(favour)))
        }
        try save(
            "corpus", in: directory,
            (0..<64_000).map { _ in
                let (kind, name) = subject()
                // Most reviewers are of one mind, which is how a model learns what praises and what blames.
                return Text(text: prompt(name) + " " + review(kind, name, favour: [0.02, 0.5, 0.98]))
            })
        try save(
            "demonstrations", in: directory,
            (0..<3_000).map { _ in
                let (kind, name) = subject()
                return Demonstration(
                    prompt: prompt(name), completion: " " + review(kind, name, favour: [0.1, 0.3, 0.5]))
            })
        for (file, count) in [("preferences", 12_000), ("preferences-validation", 500)] {
            var pairs: [Pair] = []
            while pairs.count < count {
                let (kind, name) = subject()
                let question = prompt(name)
                let (a, b) = ReviewCandidates(kind: kind, subject: name).pair(&grammar)
                let difference =
                    GoldScore.score(prompt: question, completion: a) - GoldScore.score(prompt: question, completion: b)
                guard difference != 0 else { continue }
                let aWins = (difference > 0) != grammar.chance(flipped)
                pairs.append(Pair(prompt: question, chosen: " " + (aWins ? a : b), rejected: " " + (aWins ? b : a)))
            }
            try save(file, in: directory, pairs)
        }
        // Half of the subjects are asked about in training, the other half only at the end.
        for (file, count, even) in [("prompts", 800, true), ("evaluation-prompts", 200, false)] {
            try save(
                file, in: directory,
                (0..<count).map { _ in
                    let kind = grammar.pick(ReviewKind.all)
                    let half = kind.subjects.indices.filter { ($0 % 2 == 0) == even }
                    return Question(prompt: prompt(kind.subjects[grammar.pick(half)]))
                })
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
