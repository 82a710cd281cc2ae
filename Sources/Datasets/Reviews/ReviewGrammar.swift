/// Makes reviews. The grammar, with N a noun phrase of an aspect that fits the subject's kind and A an adjective:
///
///     review   = sentence sentence [sentence]
///     sentence = "The" N be [adverb] A "."
///              | "The" N be A "because the" N be A "."              (both of one mind)
///              | "Although the" N be A ", the" N be A "."           (of opposite minds; the second decides)
///              | "I" [adverb] verb "this" subject "."
///
/// "be" agrees with its noun, no aspect comes twice in a review, and each sentence has one mind: praise or blame.
struct ReviewGrammar {
    var random: SplitMix

    mutating func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }
    mutating func chance(_ probability: Double) -> Bool { random.uniform() < probability }

    static func be(_ kind: ReviewWords.Kind, _ aspect: String) -> String { kind.aspects[aspect] == true ? "are" : "is" }

    mutating func sentence(_ kind: ReviewWords.Kind, _ subject: String, good: Bool, used: inout Set<String>) -> String {
        let fresh = kind.aspectNames.filter { !used.contains($0) }
        let a = pick(fresh)
        used.insert(a)
        let rest = fresh.filter { $0 != a }
        let b = pick(rest)
        let yes = good ? ReviewWords.good : ReviewWords.bad
        let no = good ? ReviewWords.bad : ReviewWords.good
        let first = pick(yes)
        let second = pick(yes.filter { $0 != first })
        switch random.next() % 4 {
        case 0:
            let adverb = chance(0.6) ? pick(ReviewWords.adverbs) + " " : ""
            return "The \(a) \(Self.be(kind, a)) \(adverb)\(first)."
        case 1:
            used.insert(b)
            return "The \(a) \(Self.be(kind, a)) \(first) because the \(b) \(Self.be(kind, b)) \(second)."
        case 2:
            used.insert(b)
            return "Although the \(a) \(Self.be(kind, a)) \(pick(no)), the \(b) \(Self.be(kind, b)) \(first)."
        default:
            used.remove(a)
            let adverb = chance(0.5) ? pick(ReviewWords.adverbs) + " " : ""
            return "I \(adverb)\(pick(good ? ReviewWords.praise : ReviewWords.blame)) this \(subject)."
        }
    }

    /// - Parameter favour: probability that a sentence praises.
    mutating func review(_ kind: ReviewWords.Kind, _ subject: String, favour: Double) -> String {
        var used: Set<String> = []
        var sentences: [String] = []
        let count = 2 + Int(random.next() % 2)
        while sentences.count < count {
            let next = sentence(kind, subject, good: chance(favour), used: &used)
            if next.hasPrefix("I "), sentences.contains(where: { $0.hasPrefix("I ") }) { continue }
            sentences.append(next)
        }
        return sentences.joined(separator: " ")
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix {
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
