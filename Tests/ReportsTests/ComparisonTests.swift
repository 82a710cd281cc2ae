import Foundation
import Testing

@testable import Reports

@Suite struct ComparisonTests {
    private func inRuns(_ lengths: [Int], _ body: ([String]) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-compare-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var runs: [String] = []
        for (index, length) in lengths.enumerated() {
            let run = "\(folder)/\(index)"
            try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
            let lines = (0..<length).map { step in
                #"{"step":\#(step),"critic/score/mean":\#(Double(step) / 100 + Double(index)),"timing_s/total":2}"#
            }
            try lines.joined(separator: "\n").write(
                toFile: run + "/metrics.jsonl", atomically: true, encoding: .utf8)
            runs.append(run)
        }
        try body(runs)
    }

    private func facts(_ run: String, steps: Int) -> RunComparison.Facts {
        RunComparison.Facts(directory: run, name: "n", state: "finished", steps: steps, best: "score")
    }

    /// Figures of other held-out prompts are no part of the curve.
    @Test func heldOutFiguresOfAnotherBasisAreLeftOut() throws {
        try inRuns([20]) { runs in
            var history = HeldOutHistory(runDirectory: runs[0])
            for (step, value, basis) in [(0, 0.125, "a"), (10, 0.25, "b"), (20, 0.5, "b")] {
                let answers = EvaluationTests.answers([("r", 1, [[Float(value)], [Float(value)]])])
                try history.add(HeldOutFigures(step: step, answers, basis: basis))
            }
            let comparison = RunComparison([facts(runs[0], steps: 20)], differences: [])
            let json = try #require(JSONSerialization.jsonObject(with: comparison.json()) as? [String: Any])
            let heldOut = try #require((json["runs"] as? [[String: Any]])?.first?["held_out"] as? [String: Any])
            #expect((heldOut["first"] as? [String: Any])?["step"] as? Int == 10)
            let record = RunRecord(runDirectory: runs[0], facts: RunReport.Facts(best: "score"))
            let plots = ReportPlots(record: record).all
            let curve = try #require(plots.first { $0.title == "Held-out score over steps" })
            #expect(curve.lines.flatMap(\.points).map(\.0) == [10, 20])
            // Steps are counted from 1 here too.
            #expect(plots.first?.lines.first?.points.map(\.0) == (1...20).map(Double.init))
        }
    }

    @Test(
        arguments: [
            (nil, [10, 20], true), (20, [10], false), (10, [10, 20], true), (10, [10], false), (nil, [], false),
        ] as [(Int?, [Int], Bool)])
    func theBestPolicyIsMissingWhenAnotherIsBetter(_ present: Int?, _ kept: [Int], _ isMissing: Bool) throws {
        try inRuns([20]) { runs in
            var history = HeldOutHistory(runDirectory: runs[0])
            for (step, value) in [(10, 0.25), (20, 0.5)] {
                let answers = EvaluationTests.answers([("r", 1, [[Float(value)], [Float(value)]])])
                try history.add(HeldOutFigures(step: step, answers, basis: "b"))
            }
            if let present {
                let directory = runs[0] + "/policy-best"
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                let value = try #require(Estimate.mean([[0.5], [0.5]]))
                try BestPolicy(step: present, figure: "score", value: value, basis: "b").write(to: directory)
            }
            #expect(BestPolicy.isMissing(in: runs[0], figure: "score", checkpoints: kept) == isMissing)
            // By another figure, what stands there is nobody's best.
            #expect(BestPolicy.isMissing(in: runs[0], figure: "r", checkpoints: kept) == !kept.isEmpty)
        }
    }

    @Test func stepsThatBothHaveStandSideBySide() throws {
        try inRuns([60, 20]) { runs in
            var history = HeldOutHistory(runDirectory: runs[0])
            for (step, value) in [(0, 0.25), (10, 0.75), (20, 0.5)] {
                try history.add(
                    HeldOutFigures(
                        step: step, EvaluationTests.answers([("r", 1, [[Float(value)], [Float(value)]])])))
            }
            let comparison = RunComparison(
                [facts(runs[0], steps: 60), facts(runs[1], steps: 40)],
                differences: [RunComparison.Difference(key: "ppo.learning_rate", values: ["1e-5", nil])])
            let text = comparison.text()
            let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(
                lines.contains("steps 60 of 60 20 of 40") && lines.contains("ppo.learning_rate 1e-5 not set"), "\(text)"
            )
            #expect(lines.contains("At step 20, the last that both have") && lines.contains("reward 0.190 1.19"))
            // The last tenth of 60 steps, but not fewer than five.
            #expect(lines.contains("steps 55 to 60 16 to 20") && lines.contains("reward 0.565 1.17"), "\(text)")
            #expect(lines.contains("time of the steps 2 min 0 s 40 s"))
            #expect(text.contains("0.750 (0.750 to 0.750) at step 10"), "\(text)")
            let page = comparison.html()
            #expect(page.contains("Reward over steps") && page.contains(runs[1]) && page.contains("<polyline"))
            let json = try #require(JSONSerialization.jsonObject(with: comparison.json()) as? [String: Any])
            #expect(json["common_step"] as? Int == 20)
            let first = try #require((json["runs"] as? [[String: Any]])?.first)
            #expect((first["at_common_step"] as? [String: Double])?["critic/score/mean"] == 0.19)
            let means = try #require(first["mean_of_last"] as? [String: Any])
            #expect(means["steps"] as? [Int] == [55, 56, 57, 58, 59, 60])
            let heldOut = try #require(first["held_out"] as? [String: Any])
            #expect((heldOut["best"] as? [String: Any])?["step"] as? Int == 10)
        }
    }

    @Test func runsWithoutStepsAreCompared() throws {
        try inRuns([0, 3]) { runs in
            let text = RunComparison(runs.map { facts($0, steps: 5) }, differences: []).text()
            #expect(text.contains("0 of 5") && text.contains("The configurations are equal"), "\(text)")
            #expect(!text.contains("the last that both have"))
        }
    }
}
