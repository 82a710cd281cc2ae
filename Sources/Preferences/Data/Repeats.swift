/// Votes that say the same twice, and votes that say the opposite of one another.
package struct Repeats: Sendable, Equatable {
    /// Indices of votes that repeat an earlier one exactly: annotator, answers, sides and opinion.
    package private(set) var exact: [Int] = []
    /// Votes that have the same preference between the same answers as an earlier vote of another annotator.
    package private(set) var agreeing = 0
    /// Pairs of answers of which both were preferred at some time, by whomever.
    package private(set) var contradicted: [PairKey] = []
    /// Those of ``contradicted`` on which one annotator preferred both.
    package private(set) var selfContradicted: [PairKey] = []

    private struct Opinion: Hashable {
        var annotator: String
        var pair: PairKey
        var isMirrored: Bool
        var verdict: Verdict
        var score: Double
        var strength: Int
    }

    private struct Sides {
        /// Who preferred the first answer, and who the second.
        var first: Set<String> = []
        var second: Set<String> = []
    }

    package init(_ votes: [Vote]) {
        var seen: Set<Opinion> = []
        var sides: [PairKey: Sides] = [:]
        var order: [PairKey] = []
        for (index, vote) in votes.enumerated() {
            guard let score = vote.orientedScore else { continue }
            let pair = PairKey(vote)
            let opinion = Opinion(
                annotator: vote.annotator, pair: pair, isMirrored: vote.isMirrored, verdict: vote.orientedVerdict,
                score: score, strength: vote.strength ?? 0)
            guard seen.insert(opinion).inserted else {
                exact.append(index)
                continue
            }
            var side = sides[pair] ?? Sides()
            if sides[pair] == nil { order.append(pair) }
            switch vote.orientedVerdict {
            case .left:
                if !side.first.isEmpty, !side.first.contains(vote.annotator) { agreeing += 1 }
                side.first.insert(vote.annotator)
            case .right:
                if !side.second.isEmpty, !side.second.contains(vote.annotator) { agreeing += 1 }
                side.second.insert(vote.annotator)
            case .tie, .bothBad, .skip: break
            }
            sides[pair] = side
        }
        contradicted = order.filter { pair in
            sides[pair].map { !$0.first.isEmpty && !$0.second.isEmpty } ?? false
        }
        selfContradicted = contradicted.filter { pair in
            sides[pair].map { !$0.first.isDisjoint(with: $0.second) } ?? false
        }
    }

    /// The votes without exact repeats.
    package func removed(from votes: [Vote]) -> [Vote] {
        guard !exact.isEmpty else { return votes }
        let left = Set(exact)
        return votes.indices.filter { !left.contains($0) }.map { votes[$0] }
    }
}
