import Foundation

/// A page that needs nothing else: figures as SVG, answers side by side. Readable in light and dark.
struct HTMLReport {
    let evaluation: Evaluation?
    let rewardModel: [String: Double]
    let seconds: [String: Double]
    let steps: [[String: Double]]

    /// Where the time of a step goes: title, figure.
    private static let phases = [
        ("generation", "timing_s/gen"), ("waiting for the batch", "timing_s/wait_batch"),
        ("update", "timing_s/update_actor"), ("checkpoint", "timing_s/save_checkpoint"),
        ("whole step", "timing_s/total"),
    ]

    func render() -> String {
        let gold = evaluation?.goldByStep.sorted { $0.key < $1.key }.map { (Double($0.key), $0.value) } ?? []
        let plots =
            [
                ("Reward", "critic/score/mean"), ("Sequence KL, nats", "actor/sequence_kl_k1"),
                ("Entropy, nats", "actor/entropy"), ("Answer length, tokens", "response_length/mean"),
                ("Explained variance", "critic/vf_explained_var"),
            ].map { title, key in Plot(title, [Plot.Line("", curve(key))], axis: "step").svg }
        let frontier = Plot(
            "Reward against KL",
            [
                Plot.Line(
                    "",
                    steps.compactMap { row in
                        row["actor/sequence_kl_k1"].flatMap { kl in row["critic/score/mean"].map { (kl, $0) } }
                    })
            ], axis: "nats"
        ).svg
        let goldPlot = Plot("Gold score, which nothing learns from", [Plot.Line("", gold)], axis: "step").svg
        let times = Plot(
            "Seconds of each phase", Self.phases.map { Plot.Line($0.0, curve($0.1)) }, axis: "step"
        ).svg
        return """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Skein: report of a run</title>
            <meta name="viewport" content="width=device-width"><style>\(Self.style)</style>
            <h1>Report of a run</h1>\(headline)
            <div class="plots">\(plots[0])\(goldPlot)\(plots.dropFirst().joined())\(frontier)\(times)</div>
            \(samples)</html>
            """
    }

    private func curve(_ key: String) -> [(Double, Double)] {
        steps.compactMap { row in row[key].flatMap { value in row["step"].map { ($0, value) } } }
    }

    private var headline: String {
        var rows = ""
        if let evaluation {
            rows += """
                <tr><th></th><th>before</th><th>after</th></tr>
                \(Self.row("gold score", evaluation.before.gold, evaluation.after.gold))
                \(Self.row("trained reward", evaluation.before.reward, evaluation.after.reward))
                \(Self.row("tokens an answer", evaluation.before.length, evaluation.after.length))
                """
        }
        var facts = ""
        if let evaluation {
            facts = String(
                format:
                    "<p>The policy wins <b>%.1f %%</b> of %d held-out prompts, at %.2f of %.2f nats a sequence.</p>",
                evaluation.goldWinRate * 100, evaluation.prompts, evaluation.sequenceKL, evaluation.klBudget)
        }
        if let accuracy = rewardModel["accuracy"], let error = rewardModel["ece"] {
            facts += String(
                format: "<p>Reward model: held-out accuracy %.1f %%, expected calibration error %.3f.</p>",
                accuracy * 100, error)
        }
        let times = seconds.sorted { $0.key < $1.key }.map { String(format: "%@ %.0f s", $0.key, $0.value) }
        return "\(facts)<table>\(rows)</table><p>\(times.joined(separator: " · "))</p>"
    }

    private var samples: String {
        guard let evaluation else { return "" }
        let rows = evaluation.samples.map {
            "<tr><td>\(Self.escape($0.prompt))</td><td>\(Self.escape($0.before))</td><td>\(Self.escape($0.after))</td></tr>"
        }
        return "<h2>Answers</h2><table><tr><th>prompt</th><th>before</th><th>after</th></tr>\(rows.joined())</table>"
    }

    private static func row(_ name: String, _ a: Double, _ b: Double) -> String {
        String(format: "<tr><td>\(name)</td><td>%.3f</td><td>%.3f</td></tr>", a, b)
    }

    static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static let style = """
        :root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:1em}figure{margin:0}
        svg{width:100%}line{stroke:#8888}polyline{fill:none;stroke-width:2}text{font-size:10px;fill:currentColor}
        .key{font-size:12px}.key span{margin-right:1em;white-space:nowrap}
        table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #8884;text-align:left;vertical-align:top}
        """
}
