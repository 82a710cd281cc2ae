/// All that a report says of a set of votes.
package struct FeedbackAnalysis: Sendable {
    package struct Options: Sendable {
        /// Annotators that a person decided to leave out.
        package var excluded: Set<String> = []
        /// Whether a vote counts by its annotator's skill.
        package var isWeighted = false
        /// The source against which win rates are given; nil for the one with the most battles.
        package var baseline: String?
        /// Whether each annotator gets a leaderboard of his own.
        package var eachAnnotator = false
        /// Whether exact repeats count again.
        package var keepsRepeats = false
        /// Orders in which Elo is computed again.
        package var shuffles = 20
        package var seed: UInt64 = 1

        package init() {}
    }

    /// Where all votes of the files went: used, skips, left out, repeats.
    package let rows: Int
    package let repeatsRemoved: Int
    package let counts: UseCounts
    package let check: DataCheck
    /// nil when no vote names the sources of both answers.
    package let board: Leaderboard?
    package let rates: BaselineRates?
    /// By annotator, where they were asked for.
    package let boards: [(annotator: String, board: Leaderboard)]
    package let agreement: Agreement
    /// After annotators that are proposed for exclusion were left out; nil without proposals.
    package let agreementWithoutProposed: Agreement?
    /// After the filter of the three closest votes.
    package let agreementOfClosest: Agreement
    package let facts: [AnnotatorFacts]
    /// nil without votes that can be modelled.
    package let model: AnnotatorModel?
    /// How often each annotator gives the true verdict, by Dawid and Skene; nil where no pair has two annotators.
    package let accuracies: [String: Double]?
    package let proposals: [ExclusionProposal]
    package let groups: [GroupSlices]
    package let length: LengthPreference
    package let options: Options

    package init(_ all: [Vote], _ options: Options = Options()) {
        self.options = options
        rows = all.count
        check = DataCheck(all)
        let votes = options.keepsRepeats ? all : check.repeats.removed(from: all)
        repeatsRemoved = all.count - votes.count
        let kept = votes.filter { !options.excluded.contains($0.annotator) }
        let facts = AnnotatorFacts.all(votes)
        self.facts = facts
        let model = Opinions(votes).map { AnnotatorModel($0) }
        self.model = model
        proposals = model.map { ExclusionProposal.find(facts, $0) } ?? []
        accuracies = VerdictAccuracy.all(votes)
        let weights = options.isWeighted ? model?.weights ?? [:] : [:]
        let table = BattleTable(votes, excluded: options.excluded) { weights[$0.annotator] ?? 1 }
        counts = table.counts
        let (shuffles, seed) = (options.shuffles, options.seed)
        board =
            table.battles.isEmpty ? nil : Leaderboard(table, votes: votes, shuffles: shuffles, seed: seed)
        let most = board?.rows.max { ($0.battles, $1.name) < ($1.battles, $0.name) }
        rates = (options.baseline ?? most?.name).flatMap { BaselineRates(table, votes: votes, baseline: $0) }
        boards =
            options.eachAnnotator
            ? Dictionary(grouping: kept, by: \.annotator).sorted { $0.key < $1.key }.compactMap {
                name, own -> (annotator: String, board: Leaderboard)? in
                let table = BattleTable(own)
                guard !table.battles.isEmpty else { return nil }
                return (name, Leaderboard(table, votes: own, shuffles: shuffles, seed: seed))
            } : []
        agreement = Agreement(kept)
        let proposed = Set(proposals.map(\.annotator))
        agreementWithoutProposed =
            proposed.isEmpty ? nil : Agreement(kept.filter { !proposed.contains($0.annotator) })
        agreementOfClosest = Agreement(AgreementFilter.closestThree(kept))
        groups = GroupSlices.attributes(kept).compactMap { GroupSlices(kept, attribute: $0) }
        length = LengthPreference(kept)
    }

    /// Where every vote went, as names and numbers; the numbers sum to ``rows``.
    package var uses: [(name: String, count: Int)] {
        let verdicts = Verdict.allCases.filter { $0 != .skip }.map { ($0.rawValue, counts.used[$0] ?? 0) }
        let others = [
            ("skip", counts.skips), ("annotator left out", counts.excluded),
            ("of one source with itself", counts.ofItself), ("without a source", counts.withoutSource),
            ("exact repeat", repeatsRemoved),
        ]
        return (verdicts + others).filter { $0.1 > 0 }.map { (name: $0.0, count: $0.1) }
    }
}
