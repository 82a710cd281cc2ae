/// Makes reviews. The grammar, with N an aspect that fits the subject's kind and A an adjective:
///
///     review   = sentence sentence [sentence]
///     sentence = "The" C "."
///              | "The" C "because the" C "."                        (both of one mind)
///              | "Although the" C ", the" C "."                     (of opposite minds; the second decides)
///              | "I" [adverb] verb "this" subject "."
///
///     C        = N be [adverb] A
///
/// "be" agrees with its noun, no aspect comes twice in a review, and each sentence has one mind: praise or blame.
struct ReviewGrammar {
    var random: SplitMix

    struct Clause: Hashable {
        var aspect: String
        var adverb: String?
        var adjective: String

        var text: String {
            let be = ReviewKind.plurals[aspect] == true ? "are" : "is"
            return "the \(aspect) \(be) \(adverb.map { $0 + " " } ?? "")\(adjective)"
        }
    }

    enum Sentence: Hashable {
        case plain(Clause)
        case reason(Clause, Clause)
        case contrast(Clause, Clause)
        case verdict(adverb: String?, verb: String, subject: String)

        var text: String {
            switch self {
            case .plain(let a): "T\(a.text.dropFirst())."
            case .reason(let a, let b): "T\(a.text.dropFirst()) because \(b.text)."
            case .contrast(let a, let b): "Although \(a.text), \(b.text)."
            case .verdict(let adverb, let verb, let subject):
                "I \(adverb.map { $0 + " " } ?? "")\(verb) this \(subject)."
            }
        }

        var aspects: [String] {
            switch self {
            case .plain(let a): [a.aspect]
            case .reason(let a, let b), .contrast(let a, let b): [a.aspect, b.aspect]
            case .verdict: []
            }
        }

        /// The same sentence with its last aspect exchanged; a verdict has none and stays.
        func naming(_ aspect: String) -> Sentence {
            func named(_ clause: Clause) -> Clause {
                Clause(aspect: aspect, adverb: clause.adverb, adjective: clause.adjective)
            }
            return switch self {
            case .plain(let a): .plain(named(a))
            case .reason(let a, let b): .reason(a, named(b))
            case .contrast(let a, let b): .contrast(a, named(b))
            case .verdict: self
            }
        }
    }

    mutating func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }
    mutating func chance(_ probability: Double) -> Bool { random.uniform() < probability }

    /// The first words of the list are frequent, the last are rare, as in any language; what praises and what blames
    /// is learned from the frequent ones first.
    mutating func pickFrequent<T>(_ values: [T]) -> T {
        let uniform = random.uniform()
        return values[Int(uniform * uniform * uniform * Double(values.count))]
    }

    mutating func adjective(good: Bool) -> String { pickFrequent(good ? ReviewWords.good : ReviewWords.bad) }

    /// Most adverbs are of one mind as well: what stands beside a word tells its mind.
    mutating func adverb(good: Bool, _ probability: Double) -> String? {
        guard chance(probability) else { return nil }
        if chance(0.3) { return pickFrequent(ReviewWords.adverbs) }
        return pickFrequent(good ? ReviewWords.gladAdverbs : ReviewWords.sadAdverbs)
    }

    mutating func clause(_ aspect: String, good: Bool) -> Clause {
        Clause(aspect: aspect, adverb: adverb(good: good, 0.4), adjective: adjective(good: good))
    }

    mutating func sentence(_ kind: ReviewKind, _ subject: String, good: Bool, used: inout Set<String>) -> Sentence {
        // Contrasts are rare: were they as frequent as reasons, praise beside praise would be no more likely than praise
        // beside blame, and a small model never finds out which words praise.
        let form = random.uniform()
        if form < 0.2 {
            return .verdict(
                adverb: adverb(good: good, 0.5),
                verb: pickFrequent(good ? ReviewWords.praise : ReviewWords.blame), subject: subject)
        }
        let a = aspect(of: kind, used: &used)
        if form < 0.5 { return .plain(clause(a, good: good)) }
        let b = aspect(of: kind, used: &used)
        return form < 0.88
            ? .reason(clause(a, good: good), clause(b, good: good))
            : .contrast(clause(a, good: !good), clause(b, good: good))
    }

    private mutating func aspect(of kind: ReviewKind, used: inout Set<String>) -> String {
        let name = pick(kind.aspectNames.filter { !used.contains($0) })
        used.insert(name)
        return name
    }

    /// - Parameter favour: probability that a sentence praises.
    mutating func review(_ kind: ReviewKind, _ subject: String, favour: Double) -> [Sentence] {
        var used: Set<String> = []
        var sentences: [Sentence] = []
        let count = 2 + Int(random.next() % 2)
        while sentences.count < count {
            let next = sentence(kind, subject, good: chance(favour), used: &used)
            if next.aspects.isEmpty, sentences.contains(where: { $0.aspects.isEmpty }) { continue }
            sentences.append(next)
        }
        return sentences
    }

    static func text(_ review: [Sentence]) -> String { review.map(\.text).joined(separator: " ") }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func uniform() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }
}
