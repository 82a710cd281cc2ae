import Foundation

/// Looks for what is wrong with a set of votes.
package struct DataCheck: Sendable {
    package let repeats: Repeats
    package let leakage: Leakage
    package let findings: [DataFinding]

    /// - Parameter votes: all of them, repeats included.
    package init(_ votes: [Vote]) {
        let repeats = Repeats(votes)
        let leakage = Leakage(votes)
        let kept = repeats.removed(from: votes)
        let table = BattleTable(kept)
        let pairing = PairingCheck(table)
        findings = [
            Self.repeats(repeats), Self.contradictions(repeats), pairing.stars, pairing.nested(kept),
            pairing.fixedSide(kept), Self.certain(kept), Self.ofItself(kept), Self.withoutTexts(kept),
            Self.disconnected(table), Self.leaking(leakage), Self.longerWins(kept), Self.overlap(kept),
        ].compactMap(\.self)
        self.repeats = repeats
        self.leakage = leakage
    }

    private static func repeats(_ repeats: Repeats) -> DataFinding? {
        guard !repeats.exact.isEmpty || repeats.agreeing > 0 else { return nil }
        let others =
            repeats.agreeing > 0
            ? " Other annotators gave \(repeats.agreeing) votes that repeat a preference; these are kept." : ""
        return DataFinding(
            .repeats, "\(repeats.exact.count) votes repeat another exactly and are counted once.\(others)")
    }

    private static func contradictions(_ repeats: Repeats) -> DataFinding? {
        guard !repeats.contradicted.isEmpty else { return nil }
        return DataFinding(
            .contradictions,
            "\(repeats.contradicted.count) pairs of answers have votes in both directions; on "
                + "\(repeats.selfContradicted.count) of them votes of one annotator.")
    }

    private static func certain(_ votes: [Vote]) -> DataFinding? {
        let soft = votes.compactMap(\.probability)
        let certain = soft.count { $0 == 0 || $0 == 1 }
        guard soft.count > 20, Double(certain) > 0.5 * Double(soft.count) else { return nil }
        return DataFinding(
            .certain,
            "\(percent(certain, soft.count)) of the \(soft.count) soft votes are exactly 0 or 1: most carry no more than "
                + "a plain verdict.")
    }

    private static func ofItself(_ votes: [Vote]) -> DataFinding? {
        let count = votes.count { $0.left.source != nil && $0.left.source == $0.right.source }
        guard count > 0 else { return nil }
        return DataFinding(.ofItself, "\(count) votes compare a source with itself and enter no rating.")
    }

    private static func withoutTexts(_ votes: [Vote]) -> DataFinding? {
        let count = votes.count { vote in
            [vote.left, vote.right].contains { $0.text.isEmpty && $0.style == nil }
        }
        guard count > 0 else { return nil }
        return DataFinding(
            .withoutTexts,
            "\(count) of \(votes.count) votes have neither the texts of their answers nor their lengths: length bias cannot "
                + "be measured and ratings cannot be controlled for style.")
    }

    private static func disconnected(_ table: BattleTable) -> DataFinding? {
        let connectivity = Connectivity(table)
        let alone = connectivity.strong.count { $0.count == 1 }
        let parts = connectivity.rated.count
        guard parts > 1 || alone > 0, !table.items.isEmpty else { return nil }
        let sets = parts == 1 ? "one set of sources can be rated" : "\(parts) sets of sources can be rated, each apart"
        return DataFinding(
            .disconnected,
            "Of \(table.items.count) sources, \(sets); \(alone) have no rating, because no chain of wins leads from them to "
                + "others and back.")
    }

    private static func leaking(_ leakage: Leakage) -> DataFinding? {
        guard !leakage.prompts.isEmpty || !leakage.sessions.isEmpty else { return nil }
        return DataFinding(
            .leakage,
            "\(leakage.prompts.count) prompts and \(leakage.sessions.count) sessions stand in more than one split; divide "
                + "them by prompt and session (--holdout).")
    }

    private static func longerWins(_ votes: [Vote]) -> DataFinding? {
        let share = LengthPreference(votes)
        guard share.decided > 20, let rate = share.rate, abs(rate - 0.5) > 0.05 else { return nil }
        return DataFinding(
            .longerWins,
            "The longer answer is preferred in \(percent(share.longerWins, share.decided)) of \(share.decided) votes.")
    }

    private static func overlap(_ votes: [Vote]) -> DataFinding? {
        let annotators = Set(votes.map(\.annotator))
        guard annotators.count > 1 else { return nil }
        var by: [PairKey: Set<String>] = [:]
        for vote in votes where vote.verdict != .skip { by[PairKey(vote), default: []].insert(vote.annotator) }
        let shared = by.values.count { $0.count > 1 }
        guard Double(shared) < 0.1 * Double(by.count) else { return nil }
        return DataFinding(
            .noOverlap,
            "\(shared) of \(by.count) pairs were judged by more than one of the \(annotators.count) annotators: agreement "
                + "is measured on those alone.")
    }

    private static func percent(_ part: Int, _ whole: Int) -> String {
        String(format: "%.1f %%", 100 * Double(part) / Double(max(1, whole)))
    }
}

/// How often the longer of two answers is preferred.
package struct LengthPreference: Sendable, Equatable {
    package private(set) var longerWins = 0
    /// Votes with a preference between answers of different length.
    package private(set) var decided = 0
    package var rate: Double? { decided > 0 ? Double(longerWins) / Double(decided) : nil }

    package init(_ votes: [Vote]) {
        for vote in votes {
            guard vote.verdict.isDecisive, let left = Self.length(vote.left), let right = Self.length(vote.right),
                left != right
            else { continue }
            decided += 1
            if (left > right) == (vote.verdict == .left) { longerWins += 1 }
        }
    }

    /// Tokens where both are counted, else characters of the text.
    private static func length(_ answer: Answer) -> Double? {
        answer.style?.length ?? (answer.text.isEmpty ? nil : Double(answer.text.unicodeScalars.count))
    }
}
