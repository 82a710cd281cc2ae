/// A comparison for people: rows with a heading and a column for each run.
struct ComparisonText {
    struct Part {
        var title: String
        /// The first row is the heading.
        var rows: [[String]]
    }

    /// Figures of a step: what people call them, and their name in `metrics.jsonl`.
    static let figures = [
        ("reward", "critic/score/mean"), ("KL, nats a sequence", "actor/sequence_kl_k1"),
        ("length, tokens", "response_length/mean"), ("entropy, nats", "actor/entropy"),
        ("seconds a step", "timing_s/total"), ("tokens/s sampled", "perf/gen_tokens_per_s"),
        ("tokens/s learned", "perf/training_tokens_per_s"),
    ]

    let comparison: RunComparison

    func render() -> String {
        parts.map { "\($0.title)\n\(TextTable.render($0.rows))" }.joined(separator: "\n\n")
    }

    var parts: [Part] {
        [runs, configuration, common, last, means, heldOut].compactMap(\.self)
    }

    private func row(_ name: String, _ value: (ComparedRun) -> String?) -> [String] {
        [name] + comparison.runs.map { value($0) ?? "-" }
    }

    private var heading: [String] { row("") { $0.facts.directory } }

    private func figureRows(_ line: (ComparedRun) -> [String: Double]?) -> [[String]] {
        Self.figures.map { name, key in row(name) { line($0)?[key].map(Rounded.number) } }
            .filter { $0.dropFirst().contains { $0 != "-" } }
    }

    private var runs: Part {
        Part(
            title: "Runs",
            rows: [
                heading, row("name") { $0.facts.name }, row("state") { $0.facts.state },
                row("steps") { "\($0.steps.last ?? 0) of \($0.facts.steps)" },
                row("time of the steps") { $0.steps.seconds.map(Rounded.duration) },
            ])
    }

    private var configuration: Part {
        guard !comparison.differences.isEmpty else { return Part(title: "The configurations are equal", rows: []) }
        let rows = comparison.differences.map { [$0.key] + $0.values.map { $0 ?? "not set" } }
        return Part(title: "Configuration: what differs", rows: [heading] + rows)
    }

    private var common: Part? {
        guard let step = comparison.commonStep else { return nil }
        return Part(
            title: "At step \(step), the last that \(comparison.runs.count == 2 ? "both" : "all") have",
            rows: [heading] + figureRows { $0.steps.figures[step] })
    }

    /// Left out where it is the common step.
    private var last: Part? {
        guard comparison.runs.contains(where: { $0.steps.last != comparison.commonStep }) else { return nil }
        return Part(
            title: "The last step of each",
            rows: [heading, row("step") { $0.steps.last.map { "\($0)" } }]
                + figureRows { run in run.steps.last.flatMap { run.steps.figures[$0] } })
    }

    private var means: Part? {
        guard comparison.runs.contains(where: { !$0.steps.lastTenth.isEmpty }) else { return nil }
        let range = row("steps") { run in
            run.steps.lastTenth.first.flatMap { first in run.steps.lastTenth.last.map { "\(first) to \($0)" } }
        }
        return Part(
            title: "Mean of the last steps of each",
            rows: [heading, range] + figureRows { $0.steps.means(of: $0.steps.lastTenth) })
    }

    private var heldOut: Part? {
        guard comparison.runs.contains(where: { $0.heldOut != nil }) else { return nil }
        func value(_ name: String, _ path: KeyPath<ComparedRun.HeldOut, ComparedRun.HeldOut.Value?>) -> [String] {
            row(name) { run in
                run.heldOut?[keyPath: path].map { found in
                    Rounded.estimate(found.value) + (found.step.map { " at step \($0)" } ?? "")
                }
            }
        }
        return Part(
            title: "Held-out prompts, in brackets intervals of 95 %",
            rows: [
                heading, row("figure") { $0.heldOut?.figure }, value("first", \.first), value("best", \.best),
                value("last", \.last),
            ])
    }
}
