import Foundation

/// A page that needs nothing else: figures as SVG, answers side by side. Readable in light and dark.
struct HTMLReport {
    let evaluation: Evaluation?
    let rewardModel: [String: Double]
    let seconds: [String: Double]
    let steps: [[String: Double]]

    func render() -> String {
        let plots = [
            ("Reward", "critic/score/mean"), ("Sequence KL, nats", "actor/sequence_kl_k1"),
            ("Entropy, nats", "actor/entropy"),
            ("Answer length, tokens", "response_length/mean"), ("Explained variance", "critic/vf_explained_var"),
            ("Seconds a step", "timing_s/total"),
        ].map { title, key in
            Self.plot(
                title, steps.compactMap { row in row[key].flatMap { value in row["step"].map { ($0, value) } } }, "step"
            )
        }
        let frontier = Self.plot(
            "Reward against KL",
            steps.compactMap { row in
                row["actor/sequence_kl_k1"].flatMap { kl in row["critic/score/mean"].map { (kl, $0) } }
            }, "nats")
        return """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Skein: report of a run</title>
            <meta name="viewport" content="width=device-width"><style>\(Self.style)</style>
            <h1>Report of a run</h1>\(headline)<div class="plots">\(plots.joined())\(frontier)</div>\(samples)</html>
            """
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

    private static func plot(_ title: String, _ points: [(Double, Double)], _ axis: String) -> String {
        let finite = points.filter { $0.0.isFinite && $0.1.isFinite }
        guard finite.count > 1, let x0 = finite.map(\.0).min(), let x1 = finite.map(\.0).max(),
            let y0 = finite.map(\.1).min(), let y1 = finite.map(\.1).max()
        else { return "" }
        let (w, h) = (max(x1 - x0, 1e-9), max(y1 - y0, 1e-9))
        let path = finite.map {
            String(format: "%.1f,%.1f", 44 + ($0.0 - x0) / w * 250, 130 - ($0.1 - y0) / h * 110)
        }.joined(separator: " ")
        return """
            <figure><figcaption>\(title)</figcaption><svg viewBox="0 0 310 160" role="img" aria-label="\(title)">
            <line x1="44" y1="130" x2="300" y2="130"/><line x1="44" y1="16" x2="44" y2="130"/>
            <text x="40" y="24" text-anchor="end">\(number(y1))</text><text x="40" y="130" text-anchor="end">\(number(y0))</text>
            <text x="44" y="146">\(number(x0))</text><text x="296" y="146" text-anchor="end">\(number(x1)) \(axis)</text>
            <polyline points="\(path)"/></svg></figure>
            """
    }

    private static func number(_ value: Double) -> String { String(format: "%.3g", value) }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static let style = """
        :root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:1em}figure{margin:0}
        svg{width:100%}line{stroke:#8888}polyline{fill:none;stroke:#2a7de1;stroke-width:2}text{font-size:10px;fill:currentColor}
        table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #8884;text-align:left;vertical-align:top}
        """
}
