/// The sentences and the table that page and terminal share.
struct ReportText {
    static let columns = ["held-out prompts", "before", "after", "difference", "policy wins", "answers"]
    /// Stages in their order; others behind them by name.
    private static let stages = ["pretrain", "sft", "reward_model", "ppo", "evaluate"]

    let record: RunRecord

    /// Rows of the table of ``columns``.
    var rows: [[String]] {
        guard let evaluation = record.evaluation else { return [] }
        let rewards = evaluation.rows.flatMap { figure -> [[String]] in
            let count = [figure.values.before, figure.values.after].compactMap { $0?.count }
            let failed = figure.failedBefore + figure.failedAfter
            let answers = count.map(String.init).joined(separator: " and ")
            let values = [
                figure.name, Rounded.estimate(figure.values.before), Rounded.estimate(figure.values.after),
                Rounded.estimate(figure.values.difference, signed: true), Rounded.share(figure.winRate),
                answers + (failed > 0 ? ", \(failed) failed" : ""),
            ]
            // With one answer to a prompt pass@1 is the mean again.
            return [values]
                + figure.passAtK.filter { evaluation.samples > 1 || $0.k > 1 }.map {
                    [
                        "\(figure.name) pass@\($0.k)", Rounded.share($0.before), Rounded.share($0.after), "", "",
                        $0.after.map { "\($0.count) prompts" } ?? "",
                    ]
                }
        }
        return rewards + [
            [
                "tokens an answer", Rounded.estimate(evaluation.length.before),
                Rounded.estimate(evaluation.length.after),
                Rounded.estimate(evaluation.length.difference, signed: true), "",
                [evaluation.length.before, evaluation.length.after].compactMap { $0.map { "\($0.count)" } }
                    .joined(separator: " and "),
            ]
        ]
    }

    /// Without the parts that the run does not have.
    var sentences: [String] {
        [degraded, wins, distance, trained, best, rewardModel].compactMap(\.self)
            + (record.evaluation?.notes ?? []).map {
                "Evaluation: \($0)."
            }
    }

    private var degraded: String? {
        record.degradation.map { "The policy is probably destroyed: \($0)." }
    }

    /// A row for each kind: code, when, what, and what to do.
    var alarms: [[String]] {
        record.facts.alarms.map { [$0.code, $0.when, $0.text, $0.hint ?? ""] }
    }

    private var wins: String? {
        guard let evaluation = record.evaluation else { return nil }
        let each = evaluation.samples > 1 ? " with \(evaluation.samples) answers each" : ""
        guard let rate = evaluation.score?.winRate else {
            return "No reward was measured on the \(evaluation.prompts) held-out prompts, so there is no win rate."
        }
        return "The policy wins \(Rounded.share(rate)) of \(evaluation.prompts) held-out prompts\(each) by "
            + "\(evaluation.scoreName) against its start; in brackets, intervals of 95 %."
    }

    private var distance: String? {
        guard let evaluation = record.evaluation, let kl = evaluation.sequenceKL else { return nil }
        return "Its KL from the reference is \(Rounded.estimate(kl)) nats a sequence, of a budget of "
            + "\(Rounded.number(evaluation.klBudget))."
    }

    private var trained: String? {
        record.reward.map {
            "Mean reward in training: \(Rounded.number($0.first)) in the first step, \(Rounded.number($0.last)) in the "
                + "last of \($0.steps)."
        }
    }

    private var best: String? {
        guard let best = record.best else {
            return record.history.lines.contains { $0.step > 0 }
                ? "No step has the held-out figure \(record.facts.best) (evaluation.best), so that none is the best."
                : nil
        }
        let last = record.history.lines.last?.step ?? best.step
        let start = record.history.lines.first { $0.step == 0 && $0.basis == record.history.basis }?
            .figures[HeldOutFigures.key(record.facts.best)]
        return "Best by held-out \(record.facts.best): step \(best.step) of \(last) with "
            + "\(Rounded.estimate(best.value))"
            + (start.map { "; the start had \(Rounded.number($0.mean))" } ?? "")
            + (record.bestPolicy.map { kept in
                kept.step == best.step
                    ? "; its policy is in policy-best"
                    : "; policy-best holds step \(kept.step), the best by \(kept.figure) before"
            } ?? "") + "."
    }

    private var rewardModel: String? {
        guard record.rewardModel["accuracy"] != nil else { return nil }
        guard let accuracy = record.accuracy else { return "Reward model: \(StageFigures.noAccuracy)." }
        let error = record.rewardModel["ece"].map { ", expected calibration error \(Rounded.number($0))" } ?? ""
        return "The reward model is right on \(StageFigures.words(accuracy))\(error)."
    }

    var times: String? {
        guard !record.seconds.isEmpty else { return nil }
        let names =
            Self.stages.filter { record.seconds[$0] != nil }
            + record.seconds.keys.filter { !Self.stages.contains($0) }.sorted()
        return "Time: "
            + names.compactMap { name in record.seconds[name].map { "\(name) \(Rounded.duration($0))" } }
            .joined(separator: ", ")
    }

    /// Answers of the last step that the run kept, those with the lowest and the highest score; and the first ones of
    /// the first step.
    var sampled: (first: [RunRecord.Sample], last: [RunRecord.Sample]) {
        let steps = record.samples.map(\.step)
        guard let low = steps.min(), let high = steps.max() else { return ([], []) }
        let first = low == high ? [] : extremes(record.samples.filter { $0.step == low }, count: 2, by: \.score)
        return (first, extremes(record.samples.filter { $0.step == high }, count: 3, by: \.score))
    }
}
