/// Votes as numbers for models of annotators.
package struct Opinions: Sendable {
    package struct Opinion: Sendable, Equatable {
        package var left: Int
        package var right: Int
        /// Left's share of the win.
        package var score: Double
        package var annotator: Int
        /// Number of votes that it stands for; the score is their mean.
        package var weight: Double

        package init(left: Int, right: Int, score: Double, annotator: Int, weight: Double = 1) {
            self.left = left
            self.right = right
            self.score = score
            self.annotator = annotator
            self.weight = weight
        }
    }

    /// What has a score of its own.
    package enum Unit: String, Sendable {
        /// Every answer: for pairs that several annotators judge.
        case answer
        /// Every source: for votes that hardly overlap.
        case source
    }

    package let unit: Unit
    package let annotators: [String]
    package let items: Int
    package let opinions: [Opinion]
    /// Pairs whose better answer is known: left, right and left's share of the win.
    package let gold: [Opinion]
    private let places: [Name: Int]

    package init(annotators: [String], items: Int, opinions: [Opinion], gold: [Opinion] = []) {
        unit = .answer
        self.annotators = annotators
        self.items = items
        self.opinions = opinions
        self.gold = gold
        places = [:]
    }

    private struct Name: Hashable {
        /// Empty for a source.
        var prompt: String
        var answer: String
    }

    private struct Key: Hashable {
        var left: Int
        var right: Int
        var annotator: Int
    }

    /// - Parameter unit: nil for answers when three votes of ten at least are on pairs that others judged too.
    /// - Returns: nil without a vote of use.
    package init?(_ votes: [Vote], unit given: Unit? = nil) {
        let unit = given ?? Self.unit(votes)
        let annotators = Set(votes.map(\.annotator)).sorted()
        let indices = Dictionary(uniqueKeysWithValues: annotators.enumerated().map { ($1, $0) })
        var places: [Name: Int] = [:]
        var sums: [Key: (weight: Double, score: Double)] = [:]
        var order: [Key] = []
        var gold: [PairKey: Opinion] = [:]
        for vote in votes {
            guard let score = vote.score, let annotator = indices[vote.annotator],
                let names = Self.names(vote, unit), names.left != names.right
            else { continue }
            let left = places[names.left] ?? places.count
            places[names.left] = left
            let right = places[names.right] ?? places.count
            places[names.right] = right
            let key = Key(left: left, right: right, annotator: annotator)
            if sums[key] == nil { order.append(key) }
            let sum = sums[key] ?? (0, 0)
            sums[key] = (sum.weight + 1, sum.score + score)
            // A source may be the better one on most prompts and the worse one on a control question.
            if unit == .answer, vote.isGold, let expected = vote.expected?.score {
                gold[PairKey(vote)] = Opinion(left: left, right: right, score: expected, annotator: -1)
            }
        }
        guard !order.isEmpty else { return nil }
        self.unit = unit
        self.annotators = annotators
        self.places = places
        items = places.count
        opinions = order.compactMap { key in
            sums[key].map { sum in
                Opinion(
                    left: key.left, right: key.right, score: sum.score / sum.weight, annotator: key.annotator,
                    weight: sum.weight)
            }
        }
        self.gold = gold.values.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
    }

    /// The items of a vote; nil when it is none of those that this was made from.
    package func items(of vote: Vote) -> (left: Int, right: Int)? {
        guard let names = Self.names(vote, unit), let left = places[names.left], let right = places[names.right] else {
            return nil
        }
        return (left, right)
    }

    private static func names(_ vote: Vote, _ unit: Unit) -> (left: Name, right: Name)? {
        switch unit {
        case .answer:
            return (
                Name(prompt: vote.promptID, answer: vote.left.id), Name(prompt: vote.promptID, answer: vote.right.id)
            )
        case .source:
            guard let left = vote.left.source, let right = vote.right.source else { return nil }
            return (Name(prompt: "", answer: left), Name(prompt: "", answer: right))
        }
    }

    private static func unit(_ votes: [Vote]) -> Unit {
        var judges: [PairKey: Set<String>] = [:]
        for vote in votes where vote.verdict != .skip { judges[PairKey(vote), default: []].insert(vote.annotator) }
        let shared = votes.count { judges[PairKey($0)].map { $0.count > 1 } ?? false }
        let hasSources = votes.contains { $0.left.source != nil && $0.right.source != nil }
        return !hasSources || shared * 10 >= votes.count * 3 ? .answer : .source
    }
}
