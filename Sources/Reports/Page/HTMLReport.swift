import Foundation

/// A page that needs nothing else: figures as SVG, answers side by side. Readable in light and dark.
struct HTMLReport {
    private let record: RunRecord
    private let text: ReportText

    init(_ record: RunRecord) {
        self.record = record
        text = ReportText(record: record)
    }

    func render() -> String {
        """
        <!doctype html><html lang="en"><meta charset="utf-8"><title>Skein: report of a run</title>
        <meta name="viewport" content="width=device-width"><style>\(Self.style)</style>
        <h1>Report of a run</h1>
        \(text.sentences.map { "<p>\(Self.escape($0))</p>" }.joined(separator: "\n"))
        \(figures)\(alarms)
        <div class="plots">\(ReportPlots(record: record).all.map(\.svg).joined())</div>
        \(answers)\(sampled)
        \(text.times.map { "<p>\(Self.escape($0))</p>" } ?? "")</html>
        """
    }

    private var figures: String {
        record.evaluation == nil ? "" : "<h2>Before and after</h2>" + Self.table(ReportText.columns, text.rows)
    }

    private var alarms: String {
        text.alarms.isEmpty
            ? "" : "<h2>Alarms</h2>" + Self.table(["alarm", "when", "what", "what to do"], text.alarms)
    }

    private var answers: String {
        guard let evaluation = record.evaluation, !evaluation.answers.isEmpty else { return "" }
        let isRanked = evaluation.answers.contains { $0.scoreAfter != nil }
        let rows = evaluation.answers.map { answer in
            [answer.prompt, answer.before, answer.after]
                + [answer.scoreBefore, answer.scoreAfter].map { $0.map(Rounded.number) ?? "-" }
        }
        return "<h2>\(isRanked ? "The worst and the best answers of the policy, worst first" : "Answers")</h2>"
            + Self.table(["prompt", "before", "after", "score before", "score after"], rows)
    }

    /// What the run kept of its own answers.
    private var sampled: String {
        let (first, last) = text.sampled
        let rows = (first + last).map { sample in
            ["\(sample.step)", sample.prompt, sample.response, sample.score.map(Rounded.number) ?? "-"]
        }
        return rows.isEmpty
            ? "" : "<h2>Answers in training</h2>" + Self.table(["step", "prompt", "answer", "score"], rows)
    }

    static func table(_ head: [String], _ rows: [[String]]) -> String {
        func line(_ cells: [String], _ tag: String) -> String {
            "<tr>\(cells.map { "<\(tag)>\(escape($0))</\(tag)>" }.joined())</tr>"
        }
        return "<table>\(line(head, "th"))\(rows.map { line($0, "td") }.joined(separator: "\n"))</table>"
    }

    static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    static let style = """
        :root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:1em}figure{margin:0}
        svg{width:100%}line{stroke:#8888}polyline{fill:none;stroke-width:2}text{font-size:9px;fill:currentColor}
        .axis{font-size:10px}.key{font-size:12px}.key span{margin-right:1em;white-space:nowrap}
        table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #8884;text-align:left;vertical-align:top}
        td{white-space:pre-wrap}
        """
}
