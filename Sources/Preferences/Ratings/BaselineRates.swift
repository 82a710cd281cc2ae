/// Win rates of each source against one, with and without control of length.
package struct BaselineRates: Sendable {
    package struct Row: Sendable, Equatable {
        package var name: String
        package var battles: Int
        /// Mean share of the win: what soft votes and ties say.
        package var scoreRate: Double
        /// Battles that the source won by the verdict, ties as halves. The same as ``scoreRate`` without soft votes.
        package var winRate: Double
        /// nil without lengths.
        package var length: LengthControl?
    }

    package let baseline: String
    /// Best first.
    package let rows: [Row]

    /// - Returns: nil when the baseline has no battles: an empty join is not a win rate of 0.
    package init?(_ table: BattleTable, votes: [Vote], baseline: String) {
        guard let hub = table.items.firstIndex(of: baseline) else { return nil }
        var cases: [Int: [Meeting]] = [:]
        for (battle, origin) in zip(table.battles, table.origins) {
            let isLeft = battle.left == hub
            guard isLeft || battle.right == hub else { continue }
            let vote = votes[origin]
            let (own, base) = isLeft ? (vote.right, vote.left) : (vote.left, vote.right)
            cases[isLeft ? battle.right : battle.left, default: []].append(
                Meeting(
                    cluster: battle.cluster, score: isLeft ? 1 - battle.score : battle.score,
                    difference: Self.length(own).flatMap { own in Self.length(base).map { own - $0 } }))
        }
        guard !cases.isEmpty else { return nil }
        self.baseline = baseline
        let sums = Self.sums(cases.values.joined())
        rows = cases.map { item, meetings in
            let count = Double(meetings.count)
            let wins = meetings.reduce(0.0) { $0 + ($1.score > 0.5 ? 1 : $1.score < 0.5 ? 0 : 0.5) }
            return Row(
                name: table.items[item], battles: meetings.count,
                scoreRate: meetings.reduce(0) { $0 + $1.score } / count, winRate: wins / count,
                length: Self.controlled(meetings, sums: sums))
        }.sorted { $0.scoreRate != $1.scoreRate ? $0.scoreRate > $1.scoreRate : $0.name < $1.name }
    }

    private struct Meeting {
        var cluster: Int
        /// The source's share of the win.
        var score: Double
        /// Length of the source's answer less the baseline's.
        var difference: Double?
    }

    private static func length(_ answer: Answer) -> Double? {
        answer.style?.length ?? (answer.text.isEmpty ? nil : StyleCounts(text: answer.text).length)
    }

    /// Shares of the win against the baseline on each prompt.
    private static func sums(_ meetings: some Sequence<Meeting>) -> [Int: (score: Double, count: Double)] {
        var sums: [Int: (score: Double, count: Double)] = [:]
        for meeting in meetings {
            let sum = sums[meeting.cluster] ?? (0, 0)
            sums[meeting.cluster] = (sum.score + meeting.score, sum.count + 1)
        }
        return sums
    }

    private static func controlled(
        _ meetings: [Meeting], sums: [Int: (score: Double, count: Double)]
    ) -> LengthControl? {
        let own = Self.sums(meetings)
        var cases: [LengthControl.Case] = []
        for meeting in meetings {
            guard let difference = meeting.difference else { return nil }
            // What others did on the prompt, drawn to one half where they are few.
            let (all, mine) = (sums[meeting.cluster] ?? (0, 0), own[meeting.cluster] ?? (0, 0))
            let share = (all.score - mine.score + 0.5) / (all.count - mine.count + 1)
            cases.append(
                LengthControl.Case(
                    difference: difference, difficulty: Logistic.logit(min(max(share, 1e-6), 1 - 1e-6)),
                    score: meeting.score))
        }
        return LengthControl(cases)
    }
}
