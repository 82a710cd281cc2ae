import Foundation
import Preferences

extension FeedbackReport {
    /// The same as a page that needs nothing else and runs no script, with intervals drawn and the matrix of wins.
    package func html() -> String {
        let parts = self.parts.map { part -> String in
            let sentences = part.sentences.map { "<p>\(HTMLReport.escape($0))</p>" }.joined(separator: "\n")
            let table = part.rows.first.map { HTMLReport.table($0, Array(part.rows.dropFirst())) } ?? ""
            let plot =
                part.title == "Leaderboard" ? analysis.board.map { IntervalPlot(board: $0).svg } ?? "" : ""
            return "<section><h2>\(HTMLReport.escape(part.title))</h2>\(sentences)\(plot)"
                + "<div class=\"wide\">\(table)</div></section>"
        }
        return """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Skein: report of votes</title>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width"><style>\(HTMLReport.style)\(Self.style)</style>
            <main><h1>Report of \(analysis.rows) votes</h1>
            \(parts.joined(separator: "\n"))
            \(analysis.board.map { matrix($0) } ?? "")</main></html>
            """
    }

    /// Cells are as blue as the share of the win is high; the number stands in each, so that colour is no need.
    private func matrix(_ board: Leaderboard) -> String {
        let rows = Array(board.rows.prefix(Self.widest))
        let left = board.rows.count - rows.count
        let head = rows.enumerated().map { index, row in
            "<th scope=\"col\" title=\"\(HTMLReport.escape(row.name))\">\(index + 1)</th>"
        }
        let lines = rows.enumerated().map { index, row in
            let cells = rows.map { column -> String in
                let cell = board.matrix[row.item, column.item]
                guard let rate = cell.rate else { return "<td></td>" }
                let title =
                    "\(row.name) against \(column.name): \(Rounded.percent(rate)) of \(cell.battles), "
                    + "\(cell.ties) ties"
                return "<td style=\"background:rgba(42,125,225,\(String(format: "%.2f", rate * 0.6)))\" "
                    + "title=\"\(HTMLReport.escape(title))\">\(String(format: "%.0f", rate * 100))</td>"
            }
            return "<tr><th scope=\"row\">\(index + 1) \(HTMLReport.escape(row.name))</th>\(cells.joined())</tr>"
        }
        return """
            <section><h2>Matrix of wins</h2><p>Mean share of the win of rows against columns, in percent.\(
                left > 0 ? " The first \(rows.count) sources; \(left) more have no room here." : "")</p>
            <div class="wide"><table class="matrix"><tr><td></td>\(head.joined())</tr>
            \(lines.joined(separator: "\n"))</table></div></section>
            """
    }

    /// Rows and columns of the matrix at most.
    private static let widest = 120

    private static let style = """
        body{max-width:1200px}.wide{overflow-x:auto}.matrix td{text-align:right;padding:.1em .3em;border:0}
        .matrix th{padding:.1em .3em;border:0;font-weight:normal;white-space:nowrap}
        .intervals{max-width:800px}.intervals text{font-size:11px}.intervals .set{stroke:#888;stroke-dasharray:4}
        """
}

/// Ratings with their intervals, a line for each source.
struct IntervalPlot {
    let board: Leaderboard
    private static let (left, right, row) = (240.0, 780.0, 18.0)

    /// Empty when fewer than two sources have a rating.
    var svg: String {
        let rated = board.rows.filter { $0.rating != nil }
        guard rated.count > 1 else { return "" }
        let ends = rated.compactMap(\.rating).flatMap { [$0.low ?? $0.value, $0.high ?? $0.value] }.filter(\.isFinite)
        guard let low = ends.min(), let high = ends.max() else { return "" }
        func place(_ value: Double) -> Double {
            Self.left + (value - low) / max(high - low, 1e-9) * (Self.right - Self.left)
        }
        let height = Double(rated.count) * Self.row + 30
        var lines: [String] = []
        for (index, row) in rated.enumerated() {
            guard let rating = row.rating else { continue }
            let y = Double(index) * Self.row + 12
            lines.append(
                String(format: "<text x=\"232\" y=\"%.0f\" text-anchor=\"end\">", y + 4)
                    + "\(HTMLReport.escape(Self.short(row.name)))</text>")
            if let low = rating.low, let high = rating.high, low.isFinite, high.isFinite {
                lines.append(
                    String(
                        format: "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\" "
                            + "style=\"stroke:#2a7de1;stroke-width:3\"/>", place(low), place(high), y, y))
            }
            lines.append(
                String(format: "<circle cx=\"%.1f\" cy=\"%.0f\" r=\"4\" fill=\"#2a7de1\"/>", place(rating.value), y))
            if index > 0, rated[index - 1].set != row.set {
                lines.append(
                    String(
                        format: "<line class=\"set\" x1=\"10\" x2=\"780\" y1=\"%.0f\" y2=\"%.0f\"/>", y - 9, y - 9))
            }
        }
        let ticks = [low, (low + high) / 2, high].map { value in
            String(
                format: "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.0f</text>", place(value), height - 6,
                value)
        }
        return "<svg class=\"intervals\" viewBox=\"0 0 800 \(Int(height))\" role=\"img\" "
            + "aria-label=\"Ratings with intervals of 95 %\">\(lines.joined())\(ticks.joined())</svg>"
    }

    private static func short(_ name: String) -> String { name.count > 34 ? name.prefix(33) + "…" : name }
}
