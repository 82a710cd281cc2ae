import Foundation
import Preferences

/// What is known of annotators, as words and cells.
struct AnnotatorText {
    let analysis: FeedbackAnalysis

    var agreement: FeedbackReport.Part? {
        guard analysis.agreement.pairs > 0 else { return nil }
        var rows = [cells("all votes", analysis.agreement)]
        if let without = analysis.agreementWithoutProposed {
            rows.append(cells("without annotators proposed for exclusion", without))
        }
        rows.append(cells("the three closest votes of each pair", analysis.agreementOfClosest))
        let head = [
            "votes", "same verdict", "by chance", "same preference", "kappa", "alpha", "ordinal", "interval", "pairs",
        ]
        return FeedbackReport.Part(
            title: "Agreement",
            sentences: [
                "Preferences without ties agree by chance in 50 % of cases. Kappa (Cohen) and alpha (Krippendorff: verdicts, "
                    + "then strengths) are 0 at chance and 1 at full agreement. Filters choose who agrees: read them beside the "
                    + "first line."
            ], rows: [head] + rows)
    }

    private func cells(_ name: String, _ agreement: Agreement) -> [String] {
        func number(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "-" }
        return [
            name, agreement.observed.map(Rounded.percent) ?? "-", agreement.chance.map(Rounded.percent) ?? "-",
            agreement.decisive.map(Rounded.percent) ?? "-", number(agreement.kappa),
            number(agreement.alpha[.nominal]), number(agreement.alpha[.ordinal]), number(agreement.alpha[.interval]),
            "\(agreement.pairs)",
        ]
    }

    var table: FeedbackReport.Part? {
        guard !analysis.facts.isEmpty else { return nil }
        let models = Dictionary((analysis.model?.annotators ?? []).map { ($0.name, $0) }) { first, _ in first }
        let head = [
            "annotator", "votes", "skips", "skill", "side bias", "right verdict", "left", "longer wins",
            "with others, early", "late",
            "seconds", "too fast", "gold right", "time to pay",
        ]
        let rows = analysis.facts.map { facts -> [String] in
            let line = models[facts.name]
            let drift = facts.drift.map { abs($0) > 3 ? " (drift)" : "" } ?? ""
            return [
                facts.name, "\(facts.votes)", "\(facts.skips)",
                line.map { Self.interval($0.skill, $0.skillError) } ?? "-",
                line.map { Self.interval($0.sideBias, $0.sideBiasError) } ?? "-",
                analysis.accuracies?[facts.name].map(Rounded.percent) ?? "-",
                facts.leftShare.map(Rounded.percent) ?? "-", facts.length.rate.map(Rounded.percent) ?? "-",
                facts.agreementEarly.map { Rounded.percent($0.rate) } ?? "-",
                facts.agreementLate.map { Rounded.percent($0.rate) + drift } ?? "-",
                facts.medianSeconds.map { Rounded.number($0) } ?? "-",
                facts.timed > 0 ? "\(facts.tooFast) of \(facts.timed)" : "-",
                facts.gold > 0 ? "\(facts.goldRight) of \(facts.gold)" : "-",
                facts.payableSeconds > 0 ? Rounded.duration(facts.payableSeconds) : "-",
            ]
        }
        return FeedbackReport.Part(title: "Annotators", sentences: sentences, rows: [head] + rows)
    }

    private var sentences: [String] {
        guard let model = analysis.model else { return [] }
        let unit = model.unit == .answer ? "answer" : "source"
        var lines = [
            "Skill and side bias are of the model P(left) = sigma(skill x difference in score + bias), with a score for each "
                + "\(unit) from the other annotators' votes\(model.gold > 0 ? " and \(model.gold) control questions" : ""). "
                + "A skill of 1 is the mean, 0 is chance, below 0 is the opposite of the others. How often a verdict is right is "
                + "estimated from verdicts alone (Dawid and Skene)."
        ]
        let fixed = analysis.facts.filter(\.areSidesFixed).map(\.name)
        if !fixed.isEmpty {
            lines.append(
                "Sources kept their sides for \(fixed.joined(separator: ", ")): there, skill, side bias and the quality of what "
                    + "stands on a side cannot be told apart.")
        }
        let untimed = analysis.facts.reduce(0) { $0 + $1.untimed }
        if untimed > 0 { lines.append("\(untimed) votes have no time, so the time to pay lacks them.") }
        return lines
    }

    private static func interval(_ value: Double, _ error: Double) -> String {
        String(format: "%.2f (%.2f to %.2f)", value, value - 1.96 * error, value + 1.96 * error)
    }

    var proposals: FeedbackReport.Part? {
        guard !analysis.proposals.isEmpty else { return nil }
        return FeedbackReport.Part(
            title: "Proposed for exclusion",
            sentences: ["Nobody was left out. --exclude NAME does it, after you have looked at the evidence."],
            rows: [["annotator", "why", "evidence"]]
                + analysis.proposals.map { [$0.annotator, $0.reason.rawValue, $0.evidence.joined(separator: "; ")] })
    }

    var groups: [FeedbackReport.Part] {
        analysis.groups.map { groups in
            let rows = groups.slices.map { slice in
                [
                    slice.group, "\(slice.annotators)", "\(slice.votes)", Rounded.percent(slice.share),
                    slice.alpha.map { String(format: "%.3f", $0) } ?? "-",
                    Rounded.share(slice.compared > 0 ? share(slice.agreeing, slice.compared) : nil),
                    slice.length.rate.map(Rounded.percent) ?? "-",
                ]
            }
            let differences = groups.differences.prefix(20).map { difference in
                let (first, second) = (difference.ratings[0], difference.ratings[1])
                return "\(difference.source) is rated \(Rounded.signed(first)) by \(difference.groups[0]) and "
                    + "\(Rounded.signed(second)) by \(difference.groups[1]) in logits, "
                    + "\(Rounded.number(abs(difference.z))) standard errors apart."
            }
            return FeedbackReport.Part(
                title: "Whose preference: by \(groups.attribute)",
                sentences: differences.isEmpty
                    ? ["No source is rated differently by two groups beyond 3 standard errors."] : Array(differences),
                rows: [["group", "annotators", "votes", "share of all", "alpha", "with other groups", "longer wins"]]
                    + rows)
        }
    }

    private func share(_ part: Int, _ whole: Int) -> Estimate {
        Estimate.share(Double(part) / Double(whole), of: whole)
    }
}
