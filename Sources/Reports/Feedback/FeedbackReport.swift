package import Preferences

/// What a set of votes says, for people: tables for the terminal, a page, and JSON for programs.
package struct FeedbackReport {
    let analysis: FeedbackAnalysis

    package init(_ analysis: FeedbackAnalysis) { self.analysis = analysis }

    /// A part of the report: sentences and a table.
    struct Part {
        var title: String
        var sentences: [String] = []
        /// The head first; empty for a part without a table.
        var rows: [[String]] = []
    }

    /// In their order, without those that the votes do not have.
    var parts: [Part] {
        let board = LeaderboardText(analysis: analysis)
        let people = AnnotatorText(analysis: analysis)
        return [votes, findings, board.leaderboard, board.rates].compactMap(\.self) + board.eachAnnotator
            + [people.agreement, people.table, people.proposals].compactMap(\.self) + people.groups
    }

    private var votes: Part {
        let uses = analysis.uses
        let sum = uses.reduce(0) { $0 + $1.count }
        return Part(
            title: "Votes",
            sentences: ["\(analysis.rows) votes were read; the counts below sum to \(sum)."],
            rows: [["what became of them", "votes"]] + uses.map { [$0.name, "\($0.count)"] })
    }

    private var findings: Part? {
        analysis.check.findings.isEmpty
            ? nil : Part(title: "What limits these figures", sentences: analysis.check.findings.map(\.text))
    }

    /// Plain text with rounded figures.
    ///
    /// - Parameter limit: rows of a table at most; the page and JSON have all.
    package func text(limit: Int = 25) -> String {
        (parts + [LeaderboardText(analysis: analysis).smallMatrix].compactMap(\.self)).map { part in
            let left = max(0, part.rows.count - 1 - limit)
            let table = part.rows.isEmpty ? [] : [TextTable.render(Array(part.rows.prefix(limit + 1)))]
            let more = left > 0 ? ["… and \(left) more (--html, --json)"] : []
            return ([part.title, String(repeating: "=", count: part.title.count)] + part.sentences + table + more)
                .joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}
