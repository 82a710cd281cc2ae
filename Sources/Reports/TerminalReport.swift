/// The report as plain text.
struct TerminalReport {
    private static let answersShown = 3
    private static let longest = 300

    private let record: RunRecord
    private let text: ReportText

    init(_ record: RunRecord) {
        self.record = record
        text = ReportText(record: record)
    }

    func render() -> String {
        var parts: [String] = []
        if record.evaluation != nil { parts.append(TextTable.render([ReportText.columns] + text.rows)) }
        parts.append(text.sentences.joined(separator: "\n"))
        parts.append(
            record.facts.alarms.map { "alarm \($0.code) (\($0.when)): \(RunAlarm.sentence($0.code, $0.text))" }.joined(
                separator: "\n"))
        parts += answers
        if let times = text.times { parts.append(times) }
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var answers: [String] {
        if let evaluation = record.evaluation {
            // Lowest first; the best is last.
            let count = evaluation.answers.count
            let shown = [0, count / 2, count - 1].filter { evaluation.answers.indices.contains($0) }
            return Array(Set(shown)).sorted().map { index in
                let answer = evaluation.answers[index]
                let scores = [answer.scoreBefore, answer.scoreAfter].map { $0.map { " [\(Rounded.number($0))]" } ?? "" }
                return "\(Self.cut(answer.prompt))\n  before\(scores[0]): \(Self.cut(answer.before))"
                    + "\n  after\(scores[1]): \(Self.cut(answer.after))"
            }
        }
        return text.sampled.last.suffix(Self.answersShown).map { sample in
            let score = sample.score.map { " [\(Rounded.number($0))]" } ?? ""
            return "\(Self.cut(sample.prompt))\n  step \(sample.step)\(score): \(Self.cut(sample.response))"
        }
    }

    /// On one line, and not the whole of a long answer.
    private static func cut(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.count <= longest ? line : line.prefix(longest) + " ..."
    }
}
