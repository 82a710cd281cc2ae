import Foundation
import Preferences

/// Ratings and win rates as words and cells.
struct LeaderboardText {
    let analysis: FeedbackAnalysis

    var leaderboard: FeedbackReport.Part? {
        analysis.board.map { board in
            FeedbackReport.Part(title: "Leaderboard", sentences: sentences(board), rows: rows(board))
        }
    }

    private func sentences(_ board: Leaderboard) -> [String] {
        var lines = [
            "Ratings by Bradley-Terry, ties as half wins"
                + (analysis.options.isWeighted ? ", votes weighted by their annotators' skill" : "")
                + "; \(Rounded.number(board.scale.points)) points are odds of ten to one, and the mean of each set is "
                + "\(Rounded.number(board.scale.centre)). In brackets, intervals of 95 %, clustered by prompt.",
            "Ranks are the places that the intervals of the differences allow.",
        ]
        if board.connectivity.rated.count > 1 {
            lines.append(
                "The sources fall into \(board.connectivity.rated.count) sets without battles that would compare them: "
                    + "ratings of different sets say nothing of one another.")
        }
        if let nu = board.nu {
            lines.append(
                "Davidson's ratings give ties an outcome of their own (nu \(Rounded.number(nu))) and are on a wider scale: "
                    + "compare them with one another only.")
        }
        if let style = board.style {
            let parts = style.map { "\($0.name) \(Rounded.signed($0.coefficient))" }.joined(separator: ", ")
            lines.append(
                "Style control holds length and Markdown equal; effect of one standard deviation in logits: \(parts).")
        }
        lines.append("Elo depends on the order of the votes; in brackets, the range over shuffled orders.")
        return lines
    }

    func rows(_ board: Leaderboard) -> [[String]] {
        let hasStyle = board.style != nil
        let hasTies = board.nu != nil
        let hasSets = board.connectivity.rated.count > 1
        var head = ["ranks", "source", "rating"]
        if hasSets { head.insert("set", at: 0) }
        if hasStyle { head.append("style-controlled") }
        if hasTies { head.append("Davidson") }
        head += ["mean share", "wins/n", "battles", "Elo"]
        return [head]
            + board.rows.map { row in
                var cells = [Self.ranks(row), row.name, row.rating.map(Self.rating) ?? "- (\(row.unrated ?? ""))"]
                if hasSets { cells.insert(row.set.map { "\($0 + 1)" } ?? "-", at: 0) }
                if hasStyle { cells.append(row.styled.map(Self.rating) ?? "-") }
                if hasTies { cells.append(row.davidson.map { String(format: "%.0f", $0) } ?? "-") }
                return cells + [
                    row.scoreRate.map(Rounded.percent) ?? "-", row.winRate.map(Rounded.percent) ?? "-",
                    "\(row.battles)", Self.elo(row),
                ]
            }
    }

    private static func ranks(_ row: Leaderboard.Row) -> String {
        row.ranks.map { $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            ?? "-"
    }

    static func rating(_ rating: Leaderboard.Rating) -> String {
        guard let low = rating.low, let high = rating.high else { return String(format: "%.0f", rating.value) }
        return String(format: "%.0f (%.0f to %.0f)", rating.value, low, high)
    }

    private static func elo(_ row: Leaderboard.Row) -> String {
        guard row.battles > 0 else { return "-" }
        guard let spread = row.eloSpread else { return String(format: "%.0f", row.elo) }
        return String(format: "%.0f (%.0f to %.0f)", row.elo, spread.low, spread.high)
    }

    var rates: FeedbackReport.Part? {
        guard let rates = analysis.rates else { return nil }
        let hasLength = rates.rows.contains { $0.length != nil }
        var head = ["source", "mean share", "wins/n, ties as halves", "battles"]
        if hasLength { head.insert("length-controlled", at: 2) }
        let rows = rates.rows.map { row in
            var cells = [row.name, Rounded.percent(row.scoreRate), Rounded.percent(row.winRate), "\(row.battles)"]
            if hasLength {
                let mark = row.length?.isSuspicious == true ? " (!)" : ""
                cells.insert(row.length.map { Rounded.percent($0.controlled) + mark } ?? "-", at: 2)
            }
            return cells
        }
        var sentences = [
            "The mean share counts soft votes as they are; wins/n counts verdicts. They differ where votes are soft."
        ]
        if rates.rows.contains(where: { $0.length?.isSuspicious == true }) {
            sentences.append(
                "(!) Control of length moves this rate beyond a factor of two: length is what was measured.")
        }
        return FeedbackReport.Part(
            title: "Win rates against \(rates.baseline)", sentences: sentences, rows: [head] + rows)
    }

    var eachAnnotator: [FeedbackReport.Part] {
        analysis.boards.map { annotator, board in
            FeedbackReport.Part(title: "Leaderboard by \(annotator) alone", rows: rows(board))
        }
    }

    /// Shares of the win of rows against columns, in the order of the leaderboard.
    static func matrix(_ board: Leaderboard) -> [[String]] {
        let order = board.rows
        return [[""] + order.indices.map { "\($0 + 1)" }]
            + order.enumerated().map { index, row in
                ["\(index + 1) \(row.name)"]
                    + order.map { column in
                        board.matrix[row.item, column.item].rate.map { String(format: "%.0f", $0 * 100) } ?? ""
                    }
            }
    }

    /// The matrix where it fits on a screen.
    var smallMatrix: FeedbackReport.Part? {
        guard let board = analysis.board, (2...12).contains(board.rows.count) else { return nil }
        return FeedbackReport.Part(
            title: "Mean share of rows against columns, in percent", rows: Self.matrix(board))
    }
}
