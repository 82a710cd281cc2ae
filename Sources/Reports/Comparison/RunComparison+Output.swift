package import Foundation

extension RunComparison {
    /// A table with rounded figures.
    package func text() -> String { ComparisonText(comparison: self).render() }

    /// Every figure as it is, for programs.
    package func json() throws -> Data {
        struct Line: Encodable { var step: Int; var figures: [String: Double] }
        struct Means: Encodable { var steps: [Int]; var figures: [String: Double] }
        struct Run: Encodable {
            var directory: String
            var name: String
            var state: String
            var stepsMade: Int
            var steps: Int
            var seconds: Double?
            var atCommonStep: [String: Double]?
            var last: Line?
            var meanOfLast: Means?
            var heldOut: ComparedRun.HeldOut?
        }
        struct Whole: Encodable { var runs: [Run]; var commonStep: Int?; var differences: [Difference] }
        let common = commonStep
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(
            Whole(
                runs: runs.map { run in
                    Run(
                        directory: run.facts.directory, name: run.facts.name, state: run.facts.state,
                        stepsMade: run.steps.last ?? 0, steps: run.facts.steps, seconds: run.steps.seconds,
                        atCommonStep: common.flatMap { run.steps.figures[$0] },
                        last: run.steps.last.flatMap { step in
                            run.steps.figures[step].map { Line(step: step, figures: $0) }
                        },
                        meanOfLast: run.steps.lastTenth.isEmpty
                            ? nil
                            : Means(steps: run.steps.lastTenth, figures: run.steps.means(of: run.steps.lastTenth)),
                        heldOut: run.heldOut)
                }, commonStep: common, differences: differences))
    }

    /// The table and curves of all runs over their steps, as a page that needs nothing else.
    package func html() -> String {
        let tables = ComparisonText(comparison: self).parts.map { part in
            "<h2>\(HTMLReport.escape(part.title))</h2>"
                + (part.rows.first.map { HTMLReport.table($0, Array(part.rows.dropFirst())) } ?? "")
        }
        return """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Skein: runs side by side</title>
            <meta name="viewport" content="width=device-width"><style>\(HTMLReport.style)</style>
            <h1>Runs side by side</h1>
            <div class="plots">\(plots.map(\.svg).joined())</div>
            \(tables.joined(separator: "\n"))</html>
            """
    }

    private var plots: [Plot] {
        let curves = ComparisonText.figures.map { name, key in
            Plot(
                "\(name.prefix(1).uppercased())\(name.dropFirst()) over steps",
                runs.map { run in
                    Plot.Line(
                        run.facts.directory,
                        run.steps.figures.sorted { $0.key < $1.key }.compactMap { step, line in
                            line[key].map { (Double(step), $0) }
                        })
                }, x: "step of PPO", y: name)
        }
        let heldOut = Plot(
            "Held-out figure over steps",
            runs.map { run in
                let key = HeldOutFigures.key(run.facts.best)
                return Plot.Line(
                    run.facts.directory,
                    HeldOutHistory(runDirectory: run.facts.directory).comparable.compactMap { line in
                        line.figures[key].map { (Double(line.step), $0.mean) }
                    })
            }, x: "step of PPO", y: "mean")
        return curves.prefix(1) + [heldOut] + curves.dropFirst()
    }
}
