import Foundation
package import Preferences

/// A page of Markdown that goes with a file of votes: what is in it, how good it is, and what is not known.
package struct DataCard: Sendable {
    private let name: String
    private let votes: [Vote]
    private let tally: ImportTally?
    private let check: DataCheck

    /// - Parameters:
    ///   - name: of the data, such as the file's.
    ///   - tally: counts of labels, for data that were imported.
    package init(name: String, votes: [Vote], tally: ImportTally? = nil) {
        self.name = name
        self.votes = votes
        self.tally = tally
        check = DataCheck(votes)
    }

    package var markdown: String {
        ([
            "# Data card: \(name)", contents, table("Verdicts", ["verdict", "votes"], verdicts), labels, splits,
            agreement, problems, people, blanks,
        ] as [String?]).compactMap(\.self).joined(separator: "\n\n") + "\n"
    }

    private var contents: String {
        let pairs = Set(votes.map { PairKey($0) }).count
        let sources = Set(votes.flatMap { [$0.left.source, $0.right.source].compactMap(\.self) })
        var lines = [
            "* \(votes.count) votes of \(annotators.count) annotators on \(pairs) pairs of answers to "
                + "\(Set(votes.map(\.promptID)).count) prompts.",
            "* One row a vote; `left` and `right` are in the order shown"
                + (unknownOrder == 0 ? "." : ", but for \(unknownOrder) rows with `order_known: false`."),
        ]
        if !sources.isEmpty { lines.append("* Sources of answers: \(list(sources)).") }
        let languages = Set(votes.compactMap(\.language))
        if !languages.isEmpty { lines.append("* Languages: \(list(languages)).") }
        let times = votes.compactMap(\.votedAt)
        if let first = times.min(), let last = times.max() {
            lines.append("* Votes from \(VoteTime.text(first)) to \(VoteTime.text(last)) (UTC).")
        }
        return lines.joined(separator: "\n")
    }

    private var annotators: Set<String> { Set(votes.map(\.annotator)) }
    private var unknownOrder: Int { votes.count { !$0.isOrderKnown } }

    /// A few names; more would make the page long.
    private func list(_ names: Set<String>) -> String {
        let sorted = names.sorted()
        let shown = sorted.prefix(20).map { Self.cell($0) }.joined(separator: ", ")
        return sorted.count > 20 ? "\(shown) and \(sorted.count - 20) more" : shown
    }

    private var verdicts: [[String]] {
        Verdict.allCases.compactMap { verdict in
            let count = votes.count { $0.verdict == verdict }
            return count > 0 ? [verdict.rawValue, "\(count)"] : nil
        }
    }

    private var labels: String? {
        guard let tally else { return nil }
        let rows = tally.lines.map { [Self.cell($0.label), $0.outcome, "\($0.count)"] }
        return table("Labels of the files that this was made from", ["label", "became", "times"], rows)
    }

    private var splits: String? {
        guard !check.leakage.sizes.isEmpty else { return nil }
        let rows = check.leakage.sizes.sorted { $0.key < $1.key }.map { [Self.cell($0.key), "\($0.value)"] }
        return table("Splits", ["split", "votes"], rows) + "\n\n"
            + "\(check.leakage.prompts.count) prompts and \(check.leakage.sessions.count) sessions stand in more than one split."
    }

    private var agreement: String? {
        let agreement = Agreement(check.repeats.removed(from: votes))
        guard let observed = agreement.observed, let chance = agreement.chance else { return nil }
        var text = String(
            format:
                "## Agreement\n\nTwo annotators gave the same verdict in %.1f %% of cases on %d shared pairs; chance "
                + "gives %.1f %%.", observed * 100, agreement.pairs, chance * 100)
        if let alpha = agreement.alpha[.nominal] {
            text += String(format: " Krippendorff's alpha is %.3f (0 is chance, 1 full agreement).", alpha)
        }
        return text
    }

    private var problems: String? {
        guard !check.findings.isEmpty else { return nil }
        return "## What limits its use\n\n" + check.findings.map { "* \($0.text)" }.joined(separator: "\n")
    }

    private var people: String {
        var lines = [
            "## People", "",
            "* Annotators appear by a pseudonym alone. The texts are as they were given; whether they hold personal data was "
                + "not examined.",
        ]
        for attribute in GroupSlices.attributes(votes) {
            let counts = Dictionary(grouping: votes.compactMap { $0.groups[attribute] }) { $0 }
            let parts = counts.sorted { $0.key < $1.key }.map { "\(Self.cell($0.key)) \($0.value.count)" }
            lines.append("* Votes by \(Self.cell(attribute)): \(parts.joined(separator: ", ")).")
        }
        return lines.joined(separator: "\n")
    }

    /// What no program can know.
    private var blanks: String {
        """
        ## To fill in

        * Licence: not stated.
        * Consent of the annotators, and what they were paid: not stated.
        * Guidelines that they followed: not stated.
        * Purpose, and uses that are excluded: not stated.
        """
    }

    private func table(_ title: String, _ head: [String], _ rows: [[String]]) -> String {
        let lines = [head, head.map { _ in "---" }] + rows
        return "## \(title)\n\n" + lines.map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
    }

    /// Names come from files and must not become Markdown.
    private static func cell(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.reduce(into: "") { result, character in
            if "\\`*_[]<>|#".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}
