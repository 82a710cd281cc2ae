import Foundation
import Testing

@testable import Reports

@Suite struct RunReportTests {
    /// A run directory of two steps.
    private static func inRun(
        _ files: [String: String] = [:], _ body: (String) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-report-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/reward-model", withIntermediateDirectories: true)
        let step = #""actor/sequence_kl_k1":1.5,"response_length/mean":20,"critic/score/mean""#
        let standard = [
            "metrics.jsonl": "{\"step\":0,\(step):0.123456}\n{\"step\":1,\(step):0.756789}\n{\"step\":2,\(step)",
            "samples.jsonl": """
            {"step":1,"prompt":"P0","response":"<b>first</b>","rewards":{"r":0.25,"w":9},"score":0.5}
            {"step":2,"prompt":"P1","response":"bad","rewards":{"r":0.125,"w":1},"score":0.25}
            {"step":2,"prompt":"P2","response":"good","rewards":{"r":0.875,"w":5},"score":1.75}
            {"step":2,"prompt":"P3","response":"dropped","rewards":{}}
            """,
            "stages.json": #"{"ppo": 123.4, "sft": 7.2}"#,
        ]
        for (name, text) in standard.merging(files, uniquingKeysWith: { $1 }) {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        try body(folder)
    }

    private static func text(_ folder: String, _ name: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }

    private static func summary(_ folder: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: folder + "/summary.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test func aRunWithoutEvaluationHasItsOwnAnswersAndRewards() throws {
        try Self.inRun { folder in
            let table = try RunReport.write(runDirectory: folder)
            #expect(table.contains("0.123 in the first step, 0.757 in the last of 2"), "\(table)")
            #expect(table.contains("step 2 [1.75]: good") && table.contains("Time: sft 7 s, ppo 2 min 3 s"))
            #expect(!table.contains("win") && !table.contains("gold"))
            let page = try Self.text(folder, "report.html")
            #expect(page.contains("&lt;b&gt;first&lt;/b&gt;") && !page.contains("<b>first"))
            #expect(page.contains("<td>0.250</td>") && page.contains("<td>good</td>"))
            for label in ["step of PPO", "mean reward", "KL from the reference, nats a sequence", "tokens an answer"] {
                #expect(page.contains("class=\"axis\">\(label)<") || page.contains(">\(label)</text>"), "\(label)")
            }
            let reward = try #require(Self.summary(folder)["reward"] as? [String: Double])
            #expect(reward == ["first": 0.123456, "last": 0.756789, "steps": 2])
        }
    }

    private static func evaluation() throws -> String {
        let evaluation = Evaluation(
            before: EvaluationTests.answers([("gold", 1, [[0], [1], [0], [0]])], lengths: [[8], [9], [10], [9]]),
            after: EvaluationTests.answers(
                [("gold", 1, [[1], [1], [1], [nil]])], lengths: [[20], [22], [24], [30]], kl: [[3], [4], [5], [6]],
                word: "after "), klBudget: 12, notes: ["reward w is left out"])
        return String(decoding: try JSONEncoder().encode(evaluation), as: UTF8.self)
    }

    @Test func anEvaluationIsATableWithIntervals() throws {
        try Self.inRun(["evaluation.json": Self.evaluation()]) { folder in
            let table = try RunReport.write(runDirectory: folder)
            let lines = table.split(separator: "\n")
            let head = try #require(lines.first)
            #expect(head.contains("before") && head.contains("policy wins"))
            let gold = try #require(lines.first { $0.hasPrefix("gold ") })
            #expect(gold.contains("0.333 (0.061 to 0.792)") && gold.contains("3 and 3, 1 failed"), "\(gold)")
            #expect(table.contains("wins 83.3 % (") && table.contains("of 4 held-out prompts by gold"), "\(table)")
            #expect(table.contains("4.50 (") && table.contains("of a budget of 12.0") && table.contains("+15.0 ("))
            #expect(table.contains("reward w is left out"))
            let page = try Self.text(folder, "report.html")
            #expect(page.contains("worst and the best") && page.contains("<td>after 2.0</td>"))
            let summary = try Self.summary(folder)
            let found = try #require(summary["evaluation"] as? [String: Any])
            let rewards = try #require(found["rewards"] as? [String: [String: Any]])
            let rate = try #require(rewards["gold"]?["win_rate"] as? [String: Double])
            #expect(rate["count"] == 3 && abs((rate["mean"] ?? 0) - 5.0 / 6) < 1e-9 && rate["low"] != nil)
            #expect(rewards["gold"]?["failed_after"] as? Int == 1 && rewards["gold"]?["pass_at_k"] != nil)
            let length = try #require(found["response_length"] as? [String: [String: Double]])
            #expect(length["difference"]?["mean"] == 15 && summary["kl_budget"] as? Double == 12)
            #expect(abs((summary["win_rate"] as? Double ?? 0) - 5.0 / 6) < 1e-9)
        }
    }

    @Test func heldOutStepsAreCurvesAndTheBestIsNamed() throws {
        try Self.inRun { folder in
            var history = HeldOutHistory(runDirectory: folder)
            for (step, value) in [(0, 0.25), (10, 0.75), (20, 0.5)] {
                try history.add(
                    HeldOutFigures(
                        step: step,
                        EvaluationTests.answers([("r", 1, [[Float(value)], [Float(value)]])], kl: [[1], [2]])))
            }
            let table = try RunReport.write(runDirectory: folder, facts: RunReport.Facts(best: "r"))
            #expect(table.contains("Best by held-out r: step 10 of 20 with 0.750") && table.contains("start had 0.250"))
            let page = try Self.text(folder, "report.html")
            #expect(page.contains("Held-out r over steps") && page.contains("Held-out r over KL"))
            let summary = try Self.summary(folder)
            let best = try #require(summary["best"] as? [String: Any])
            #expect(best["step"] as? Int == 10 && best["figure"] as? String == "r")
            #expect((summary["evaluations"] as? [Any])?.count == 3)
        }
    }

    /// A run that was extended and stopped has the policy of an earlier best.
    @Test(arguments: [(10, "its policy is in policy-best"), (5, "policy-best holds step 5, the best by q before")])
    func theReportNamesThePolicyThatStandsThere(_ kept: Int, _ expected: String) throws {
        try Self.inRun { folder in
            var history = HeldOutHistory(runDirectory: folder)
            for (step, value) in [(5, 0.5), (10, 0.75)] {
                try history.add(
                    HeldOutFigures(step: step, EvaluationTests.answers([("r", 1, [[Float(value)], [Float(value)]])])))
            }
            #expect(try !RunReport.write(runDirectory: folder).contains("policy-best"))
            let policy = "\(folder)/policy-best"
            try FileManager.default.createDirectory(atPath: policy, withIntermediateDirectories: true)
            let best = BestPolicy(step: kept, figure: "q", value: Estimate(mean: 1, count: 2), basis: nil)
            try best.write(to: policy)
            #expect(BestPolicy.read(in: folder) == best)
            let table = try RunReport.write(runDirectory: folder)
            #expect(table.contains("step 10 of 10") && table.contains(expected), "\(table)")
            #expect(
                try RunReport.write(runDirectory: folder, facts: RunReport.Facts(best: "r/pass@1"))
                    .contains("No step has the held-out figure r/pass@1"))
        }
    }

    @Test(arguments: [(76, "76.0 % (66.8 to 83.3 %) of 100 held-out pairs"), (1, "one held-out pair is no accuracy")])
    func anAccuracyHasItsNumberOfPairs(_ right: Int, _ expected: String) throws {
        let pairs = right == 1 ? 1 : 100
        let figures =
            #"{"figures": {"accuracy": \#(Double(right) / Double(pairs)), "held_out": \#(pairs), "ece": 0.05}}"#
        try Self.inRun(["reward-model/stage.json": figures]) { folder in
            let table = try RunReport.write(runDirectory: folder)
            #expect(table.contains(expected), "\(table)")
            #expect(try Self.text(folder, "report.html").contains(expected))
            let accuracy = try Self.summary(folder)["reward_accuracy"] as? [String: Double]
            #expect(accuracy?["count"] == (pairs > 1 ? 100 : nil))
            // The stage says it when it ends, with its other figures rounded.
            let measured = ["accuracy": Double(right) / Double(pairs), "held_out": Double(pairs), "loss": 0.51234567]
            let line = StageFigures.words(measured)
            #expect(line.contains(expected) && line.hasPrefix("loss 0.512, "), "\(line)")
        }
    }

    @Test func anEmptyRunDirectoryHasAReport() throws {
        try Self.inRun(["metrics.jsonl": "", "samples.jsonl": "", "stages.json": ""]) { folder in
            let table = try RunReport.write(runDirectory: folder)
            #expect(table.contains("report: "))
        }
    }

    @Test(arguments: [
        (0.123456, "0.123"), (5.912, "5.91"), (48.25, "48.2"), (1234.5, "1234"), (-0.00001, "0.000"), (-2, "-2.00"),
    ]) func numbersAreRounded(_ value: Double, _ expected: String) { #expect(Rounded.number(value) == expected) }
}
