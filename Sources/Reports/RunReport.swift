import Foundation

/// What a run gave: `report.html`, `summary.json`, and a table for the terminal.
package enum RunReport {
    private struct Summary: Encodable {
        var gold_win_rate: Double?
        var gold_before: Double?
        var gold_after: Double?
        var sequence_kl: Double?
        var kl_budget: Double?
        var reward_accuracy: Double?
        var reward_ece: Double?
        var seconds: [String: Double]
        var policy_sha256: String?
        var jobs: [String: Int]?
        var seed: UInt64?
    }

    /// - Parameters:
    ///   - policySHA256: of the final policy file.
    ///   - jobs: what the journal counted: completed jobs of each kind, their sum, and results that came twice.
    /// - Returns: the table.
    package static func write(
        runDirectory: String, seed: UInt64? = nil, policySHA256: String? = nil, jobs: [String: Int]? = nil
    ) throws -> String {
        func data(_ name: String) -> Data? { FileManager.default.contents(atPath: "\(runDirectory)/\(name)") }
        let evaluation = data("evaluation.json").flatMap { try? JSONDecoder().decode(Evaluation.self, from: $0) }
        let seconds = data("stages.json").flatMap { try? JSONDecoder().decode([String: Double].self, from: $0) } ?? [:]
        struct Stage: Decodable { var figures: [String: Double] }
        let reward = data("reward-model/stage.json").flatMap { try? JSONDecoder().decode(Stage.self, from: $0) }
        let steps = (data("metrics.jsonl") ?? Data()).split(separator: UInt8(ascii: "\n")).compactMap {
            try? JSONDecoder().decode([String: Double].self, from: Data($0))
        }
        let summary = Summary(
            gold_win_rate: evaluation?.goldWinRate, gold_before: evaluation?.before.gold,
            gold_after: evaluation?.after.gold, sequence_kl: evaluation?.sequenceKL, kl_budget: evaluation?.klBudget,
            reward_accuracy: reward?.figures["accuracy"], reward_ece: reward?.figures["ece"], seconds: seconds,
            policy_sha256: policySHA256, jobs: jobs, seed: seed)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(summary).write(to: URL(filePath: runDirectory + "/summary.json"), options: .atomic)
        let page = HTMLReport(
            evaluation: evaluation, rewardModel: reward?.figures ?? [:], seconds: seconds, steps: steps)
        try Data(page.render().utf8).write(to: URL(filePath: runDirectory + "/report.html"), options: .atomic)
        return table(evaluation, reward?.figures ?? [:], seconds, runDirectory)
    }

    private static func table(
        _ evaluation: Evaluation?, _ reward: [String: Double], _ seconds: [String: Double], _ directory: String
    ) -> String {
        var lines: [String] = []
        if let evaluation {
            let (a, b) = (evaluation.before, evaluation.after)
            lines.append("                        before     after")
            lines.append(String(format: "gold score            %8.3f  %8.3f", a.gold, b.gold))
            lines.append(String(format: "trained reward        %8.3f  %8.3f", a.reward, b.reward))
            lines.append(String(format: "tokens an answer      %8.1f  %8.1f", a.length, b.length))
            lines.append(
                String(
                    format: "\nwin rate by gold score %.1f %% on %d held-out prompts, sequence KL %.2f of %.2f nats",
                    evaluation.goldWinRate * 100, evaluation.prompts, evaluation.sequenceKL, evaluation.klBudget))
            for sample in evaluation.samples.prefix(3) {
                lines.append("\n\(sample.prompt)\n  before:\(sample.before)\n  after: \(sample.after)")
            }
        }
        if let accuracy = reward["accuracy"], let error = reward["ece"] {
            lines.append(
                String(
                    format: "\nreward model: held-out accuracy %.1f %%, calibration error (ECE) %.3f", accuracy * 100,
                    error))
        }
        lines.append(
            "seconds: "
                + seconds.sorted { $0.key < $1.key }.map { String(format: "%@ %.0f", $0.key, $0.value) }
                .joined(separator: ", "))
        lines.append("report: \(directory)/report.html")
        return lines.joined(separator: "\n")
    }
}
