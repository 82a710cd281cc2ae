/// How often annotators give the true verdict, from the verdicts on pairs that several of them judged.
package enum VerdictAccuracy {
    private static let categories: [Verdict] = [.left, .right, .tie, .bothBad]

    /// For each annotator the share of right verdicts that ``DawidSkene`` gives: the mean over true categories of how often
    /// he names them, by their frequency. Control questions are taken as known.
    ///
    /// - Returns: nil when no pair has two annotators.
    package static func all(_ votes: [Vote]) -> [String: Double]? {
        var judges: [PairKey: Set<String>] = [:]
        for vote in votes where vote.verdict != .skip { judges[PairKey(vote), default: []].insert(vote.annotator) }
        let shared = judges.filter { $0.value.count > 1 }
        guard !shared.isEmpty else { return nil }
        var tasks: [PairKey: Int] = [:]
        var annotators: [String: Int] = [:]
        var labels: [DawidSkene.Label] = []
        var gold: [Int: Int] = [:]
        for vote in votes where shared[PairKey(vote)] != nil {
            guard let category = categories.firstIndex(of: vote.orientedVerdict) else { continue }
            let task = tasks[PairKey(vote)] ?? tasks.count
            tasks[PairKey(vote)] = task
            let annotator = annotators[vote.annotator] ?? annotators.count
            annotators[vote.annotator] = annotator
            labels.append(DawidSkene.Label(task: task, annotator: annotator, category: category))
            if vote.isGold, let expected = vote.expected {
                gold[task] = categories.firstIndex(of: vote.isMirrored ? expected.mirrored : expected)
            }
        }
        let fit = DawidSkene(
            labels, tasks: tasks.count, annotators: annotators.count, categories: categories.count, gold: gold)
        return fit.map { fit in
            annotators.mapValues { annotator in
                categories.indices.reduce(0) { $0 + fit.prior[$1] * fit.confusion[annotator][$1][$1] }
            }
        }
    }
}
