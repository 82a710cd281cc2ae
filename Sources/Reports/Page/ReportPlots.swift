/// The curves of a run.
struct ReportPlots {
    /// Where the time of a step goes: title, figure.
    private static let phases = [
        ("generation", "timing_s/gen"), ("waiting for the batch", "timing_s/wait_batch"),
        ("update", "timing_s/update_actor"), ("checkpoint", "timing_s/save_checkpoint"),
        ("whole step", "timing_s/total"),
    ]
    private static let (reward, kl, length) = ("critic/score/mean", "actor/sequence_kl_k1", "response_length/mean")

    let record: RunRecord

    var all: [Plot] {
        let (step, nats) = ("step of PPO", "KL from the reference, nats a sequence")
        let name = record.facts.best
        let key = HeldOutFigures.key(name)
        let prefix = "reward/"
        let rates = (record.history.lines.last?.figures.keys.sorted() ?? []).filter {
            $0.hasPrefix(prefix) && $0.contains("/pass@")
        }
        return [
            Plot("Reward over steps", [line(Self.reward)], x: step, y: "mean reward"),
            Plot("Reward over KL", [pairs(Self.kl, Self.reward)], x: nats, y: "mean reward"),
            Plot("Held-out \(name) over steps", [heldOut(key)], x: step, y: "mean \(name)"),
            Plot(
                "Held-out \(name) over KL",
                [
                    Plot.Line(
                        "",
                        record.history.comparable.compactMap { line in
                            line.figures[HeldOutFigures.sequenceKL].flatMap { kl in
                                line.figures[key].map { (kl.mean, $0.mean) }
                            }
                        }, isScattered: true)
                ], x: nats, y: "mean \(name)"),
            Plot(
                "Held-out pass@k", rates.map { heldOut($0, String($0.dropFirst(prefix.count))) }, x: step,
                y: "share of prompts"),
            Plot(
                "Length of answers", [line(Self.length, "training"), heldOut(HeldOutFigures.length, "held-out")],
                x: step, y: "tokens an answer"),
            Plot("KL over steps", [line(Self.kl)], x: step, y: "nats a sequence"),
            Plot("Entropy", [line("actor/entropy")], x: step, y: "nats a token"),
            Plot(
                "Explained variance of the critic", [line("critic/vf_explained_var")], x: step,
                y: "share of the variance"),
            Plot(
                "Prompts whose answers all score the same", [line("batch/groups_without_spread")], x: step,
                y: "share of prompts"),
            Plot("Time of each phase", Self.phases.map { line($0.1, $0.0) }, x: step, y: "seconds"),
        ]
    }

    private func line(_ key: String, _ name: String = "") -> Plot.Line {
        Plot.Line(
            name, steps.compactMap { step, row in row[key].map { (Double(step), $0) } })
    }

    private func pairs(_ x: String, _ y: String) -> Plot.Line {
        Plot.Line(
            "", steps.compactMap { _, row in row[x].flatMap { a in row[y].map { (a, $0) } } }, isScattered: true)
    }

    /// In their order, counted from 1.
    private var steps: [(Int, [String: Double])] { RunSteps(record.steps).figures.sorted { $0.key < $1.key } }

    private func heldOut(_ key: String, _ name: String = "") -> Plot.Line {
        Plot.Line(
            name,
            record.history.comparable.compactMap { line in line.figures[key].map { (Double(line.step), $0.mean) } })
    }
}
