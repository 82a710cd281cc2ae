/// One vote between two items as numbers.
package struct Battle: Sendable, Equatable {
    /// Indices of items: of what was shown left and right.
    package var left: Int
    package var right: Int
    /// Left's share of the win: 1, 0, one half for a tie, anything between for a soft vote.
    package var score: Double
    /// Whether the vote was "tie" or "both bad"; a soft vote of one half is no tie.
    package var isTie: Bool
    package var weight: Double
    /// Battles of one prompt are not independent of one another.
    package var cluster: Int
    /// What sways the vote beside the items, left less right.
    package var features: [Double]

    package init(
        left: Int, right: Int, score: Double, isTie: Bool = false, weight: Double = 1, cluster: Int,
        features: [Double] = []
    ) {
        self.left = left
        self.right = right
        self.score = score
        self.isTie = isTie
        self.weight = weight
        self.cluster = cluster
        self.features = features
    }
}

/// Votes between named items, and what became of every vote that it was made from.
package struct BattleTable: Sendable {
    /// Names of what is ranked, sorted.
    package var items: [String]
    /// Number of clusters, which are counted from 0.
    package var clusters: Int
    package var battles: [Battle]
    package var counts = UseCounts()
    /// Index of the vote behind each battle, in what the table was made from.
    package var origins: [Int] = []

    package init(items: [String], clusters: Int, battles: [Battle]) {
        self.items = items
        self.clusters = clusters
        self.battles = battles
    }

    /// The battles of the votes between sources, clustered by prompt.
    ///
    /// - Parameters:
    ///   - excluded: annotators that a person decided to leave out.
    ///   - weight: what a vote is worth by its annotator, beside its own weight.
    package init(
        _ votes: [Vote], excluded: Set<String> = [], weight: (Vote) -> Double = { _ in 1 }
    ) {
        let names = Set(votes.flatMap { [$0.left.source, $0.right.source].compactMap(\.self) }).sorted()
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var prompts: [String: Int] = [:]
        items = names
        clusters = 0
        battles = []
        battles.reserveCapacity(votes.count)
        for (index, vote) in votes.enumerated() {
            guard !excluded.contains(vote.annotator) else {
                counts.excluded += 1
                continue
            }
            guard let left = vote.left.source.flatMap({ places[$0] }),
                let right = vote.right.source.flatMap({ places[$0] })
            else {
                counts.withoutSource += 1
                continue
            }
            guard left != right else {
                counts.ofItself += 1
                continue
            }
            guard let score = vote.score else {
                counts.skips += 1
                continue
            }
            counts.used[vote.verdict, default: 0] += 1
            let cluster = prompts[vote.promptID] ?? prompts.count
            prompts[vote.promptID] = cluster
            origins.append(index)
            battles.append(
                Battle(
                    left: left, right: right, score: score,
                    isTie: vote.probability == nil && !vote.verdict.isDecisive, weight: vote.weight * weight(vote),
                    cluster: cluster))
        }
        clusters = prompts.count
    }
}

/// Where every vote went: the sum is the number of votes.
package struct UseCounts: Sendable, Equatable {
    package var used: [Verdict: Int] = [:]
    package var skips = 0
    package var excluded = 0
    /// Both answers are of one source.
    package var ofItself = 0
    package var withoutSource = 0

    package init() {}

    package var all: Int { used.values.reduce(0, +) + skips + excluded + ofItself + withoutSource }
}
