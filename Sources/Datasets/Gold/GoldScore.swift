/// What a review is really worth: it labels the preference pairs and judges the result. Training never reads it.
///
/// The product of four shares, so that no one of them can be bought with another: sentences that parse by the grammar,
/// aspects that fit the prompt's subject, sentences that praise, words and sentences that are not repeated. In 0...1.
package enum GoldScore {
    package static func score(prompt: String, completion: String) -> Double {
        guard let (kind, subject) = topic(of: prompt) else { return 0 }
        let sentences = completion.split(separator: ".", omittingEmptySubsequences: true).map {
            $0.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
        }.filter { !$0.isEmpty }
        let ends = completion.trimmingSuffix(" \n").hasSuffix(".")
        guard !sentences.isEmpty, sentences.count <= 6 else { return 0 }
        var parsed = 0
        var praising = 0
        var aspects: [String] = []
        var onSubject = 0
        for words in sentences {
            guard let reading = read(words) else { continue }
            parsed += 1
            if reading.praises { praising += 1 }
            aspects += reading.aspects
            let fits = reading.aspects.allSatisfy { kind.aspects[$0] != nil }
            if fits, reading.subject == nil || reading.subject == subject { onSubject += 1 }
        }
        guard parsed > 0 else { return 0 }
        let count = Double(sentences.count)
        let whole = Double(parsed) / count * (ends ? 1 : 0.8)
        let distinct =
            Double(Set(sentences).count) / count
            * (aspects.isEmpty ? 1 : Double(Set(aspects).count) / Double(aspects.count))
        let enough = sentences.count >= 2 ? 1.0 : 0.5
        return whole * whole * Double(onSubject) / Double(parsed) * Double(praising) / Double(parsed) * distinct
            * enough
    }

    /// Whether the prompt is of the corpus, so that an answer to it has a score that means something.
    package static func knows(prompt: String) -> Bool { topic(of: prompt) != nil }

    /// `Review of the SUBJECT:`
    private static func topic(of prompt: String) -> (ReviewKind, String)? {
        let words = prompt.split(whereSeparator: { " :\n".contains($0) }).map(String.init)
        guard let subject = words.last, let kind = ReviewKind.ofSubject[subject] else { return nil }
        return (kind, subject)
    }

    private struct Reading { var praises: Bool; var aspects: [String]; var subject: String? }

    /// Parses one sentence without its full stop; nil when it is not of the grammar.
    private static func read(_ words: [String]) -> Reading? {
        if words.first == "I" {
            var rest = words.dropFirst()
            let adverb = rest.count == 4 ? rest.popFirst() : nil
            guard rest.count == 3, let verb = rest.popFirst(), rest.popFirst() == "this", let subject = rest.first
            else { return nil }
            let praises = ReviewWords.praise.contains(verb)
            guard praises || ReviewWords.blame.contains(verb), fits(adverb, good: praises) else { return nil }
            return Reading(praises: praises, aspects: [], subject: subject)
        }
        if words.first == "Although" {
            guard let comma = words.firstIndex(where: { $0.hasSuffix(",") }) else { return nil }
            var first = Array(words[1...comma])
            first[first.count - 1] = String(first[first.count - 1].dropLast())
            guard let a = clause(first[...]), let b = clause(words[(comma + 1)...]), a.good != b.good else {
                return nil
            }
            return Reading(praises: b.good, aspects: [a.aspect, b.aspect], subject: nil)
        }
        guard words.first == "The" else { return nil }
        let lowered = ["the"] + words.dropFirst()
        if let because = lowered.firstIndex(of: "because") {
            guard let a = clause(lowered[..<because]), let b = clause(lowered[(because + 1)...]), a.good == b.good
            else { return nil }
            return Reading(praises: a.good, aspects: [a.aspect, b.aspect], subject: nil)
        }
        return clause(lowered[...]).map { Reading(praises: $0.good, aspects: [$0.aspect], subject: nil) }
    }

    /// `the N be [adverb] A`
    private static func clause(_ words: ArraySlice<String>) -> (aspect: String, good: Bool)? {
        var rest = words
        guard rest.popFirst() == "the", let aspect = rest.popFirst(), let be = rest.popFirst(),
            let plural = ReviewKind.plurals[aspect], be == (plural ? "are" : "is")
        else { return nil }
        let adverb = rest.count == 2 ? rest.popFirst() : nil
        guard rest.count == 1, let adjective = rest.first else { return nil }
        let good = ReviewWords.good.contains(adjective)
        guard good || ReviewWords.bad.contains(adjective), fits(adverb, good: good) else { return nil }
        return (aspect, good)
    }

    private static func fits(_ adverb: String?, good: Bool) -> Bool {
        guard let adverb else { return true }
        return ReviewWords.adverbs.contains(adverb)
            || (good ? ReviewWords.gladAdverbs : ReviewWords.sadAdverbs).contains(adverb)
    }
}

extension String {
    fileprivate func trimmingSuffix(_ characters: String) -> Substring {
        var text = self[...]
        while let last = text.last, characters.contains(last) { text = text.dropLast() }
        return text
    }
}
