/// Answers as models write them: reviews, most with a defect that a reward model must learn to dislike.
struct ReviewCandidates {
    typealias Sentence = ReviewGrammar.Sentence

    let kind: ReviewKind
    let subject: String

    /// Two answers to one prompt. Half of the time the second is the first with one thing changed, so that what is
    /// compared is that thing; otherwise they have nothing in common.
    func pair(_ grammar: inout ReviewGrammar) -> (String, String) {
        let first = grammar.review(kind, subject, favour: grammar.pick([0.2, 0.5, 0.8, 1]))
        if grammar.chance(0.5) {
            return (ReviewGrammar.text(first), changed(first, &grammar))
        }
        let second = grammar.review(kind, subject, favour: grammar.pick([0.2, 0.5, 0.8, 1]))
        func written(_ review: [Sentence]) -> String {
            grammar.chance(0.4) ? changed(review, &grammar) : ReviewGrammar.text(review)
        }
        return (written(first), written(second))
    }

    /// The review with one defect, or with one sentence of another mind.
    private func changed(_ review: [Sentence], _ grammar: inout ReviewGrammar) -> String {
        var sentences = review
        let at = Int(grammar.random.next() % UInt64(review.count))
        let other = grammar.pick(ReviewKind.all)
        switch grammar.random.next() % 16 {
        case 0, 11:  // an aspect of something else
            sentences[at] = review[at].naming(grammar.pick(other.aspectNames))
        case 1:  // a review of something else
            sentences = grammar.review(other, grammar.pick(other.subjects), favour: 0.9)
        case 2:  // a sentence twice
            sentences.insert(review[at], at: at)
        case 3, 8, 9, 10:  // an aspect twice, which models do most
            let place = sentences.indices.last { !sentences[$0].aspects.isEmpty } ?? at
            let others = sentences[...place].flatMap(\.aspects).dropLast()
            if let named = others.randomElement(using: &grammar.random) {
                sentences[place] = sentences[place].naming(named)
            }
        case 4:  // another subject
            sentences[at] = .verdict(
                adverb: nil, verb: grammar.pick(ReviewWords.praise), subject: grammar.pick(other.subjects))
        case 5:  // one sentence only, or too much of them
            sentences = grammar.chance(0.5) ? [review[at]] : review + grammar.review(kind, subject, favour: 0.8)
        case 6: return misspelt(review, &grammar)
        case 7: return jumbled(review, &grammar)
        default:  // another mind; the most frequent, as it is what most people judge by
            var used = Set(review.flatMap(\.aspects))
            sentences[at] = grammar.sentence(kind, subject, good: grammar.chance(0.5), used: &used)
        }
        return ReviewGrammar.text(sentences)
    }

    /// A word joined of two halves, or a sentence cut off.
    private func misspelt(_ review: [Sentence], _ grammar: inout ReviewGrammar) -> String {
        var words = ReviewGrammar.text(review).split(separator: " ").map(String.init)
        let at = Int(grammar.random.next() % UInt64(words.count))
        if grammar.chance(0.3) { return words[...at].joined(separator: " ") }
        let (head, tail) = (grammar.adjective(good: true), grammar.pick(grammar.pick(ReviewKind.all).aspectNames))
        words[at] = head.prefix(head.count / 2) + tail.suffix(tail.count / 2) + (words[at].hasSuffix(".") ? "." : "")
        return words.joined(separator: " ")
    }

    /// A word left out, said twice or out of place; or praise without a sentence round it.
    private func jumbled(_ review: [Sentence], _ grammar: inout ReviewGrammar) -> String {
        var words = ReviewGrammar.text(review).split(separator: " ").map(String.init)
        let at = Int(grammar.random.next() % UInt64(words.count))
        switch grammar.random.next() % 5 {
        case 0: words.remove(at: at)
        case 1: words.insert(words[at], at: at)
        case 2: words.swapAt(at, Int(grammar.random.next() % UInt64(words.count)))
        case 3:  // does not agree with its noun
            words = words.map { $0 == "is" ? "are" : $0 == "are" ? "is" : $0 }
        default: words += ["The"] + (0..<4).map { _ in grammar.adjective(good: true) } + ["."]
        }
        return words.joined(separator: " ").replacing(" .", with: ".")
    }
}
