import Foundation
import Testing

@testable import Reports

@Suite struct DegradationTests {
    /// A run of ten steps, of which the later half has other figures than the first.
    private func reason(
        early: [String: Double] = [:], late: [String: Double], steps: Int = 10, evaluation: Evaluation? = nil
    ) throws -> (reason: String, lastSound: Int?)? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-end-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let sound = [
            "critic/score/mean": 0.5, "critic/score/std": 0.25, "actor/sequence_kl_k1": 1, "response_length/mean": 20,
            "actor/entropy": 1.5,
        ]
        let lines = try (0..<10).map { step in
            var line = sound.merging(step < 5 ? early : late) { $1 }
            line["step"] = Double(step)
            return String(decoding: try JSONEncoder().encode(line), as: UTF8.self)
        }
        try lines.joined(separator: "\n").write(toFile: folder + "/metrics.jsonl", atomically: true, encoding: .utf8)
        if let evaluation {
            try JSONEncoder().encode(evaluation).write(to: URL(filePath: folder + "/evaluation.json"))
        }
        return RunReport.degradation(
            runDirectory: folder, facts: RunReport.Facts(steps: steps, promptsPerStep: 16), kept: [2, 4, 9, 10])
    }

    @Test func aSoundRunIsNotDegraded() throws {
        #expect(try reason(late: [:]) == nil)
        #expect(try reason(late: ["critic/score/mean": 0.9, "actor/sequence_kl_k1": 12]) == nil)
        // Long answers may have a large KL, and short ones a large one a token.
        #expect(try reason(late: ["actor/sequence_kl_k1": 60, "response_length/mean": 300]) == nil)
        #expect(try reason(late: ["actor/sequence_kl_k1": 9, "response_length/mean": 2]) == nil)
        // Sure of the right answer.
        #expect(try reason(late: ["actor/entropy": 0.001, "critic/score/mean": 1, "critic/score/std": 0]) == nil)
        // A little lower, as chance has it.
        #expect(try reason(late: ["critic/score/mean": 0.45]) == nil)
        // Not over yet.
        #expect(try reason(late: ["critic/score/mean": -0.5], steps: 20) == nil)
    }

    /// Figures as tiny runs with a learning rate of 1e-2 and 1e-1 had them.
    @Test(arguments: [
        (["actor/sequence_kl_k1": 55.4, "response_length/mean": 24, "critic/score/mean": 0.844], "2.31 a token"),
        (["actor/entropy": 2e-9, "critic/score/mean": 0.49], "entropy"),
        (["critic/score/mean": 0.1], "0.100 in the last"),
    ]) func aDestroyedPolicyIsNamed(_ late: [String: Double], _ expected: String) throws {
        let found = try #require(try reason(late: late))
        let said = expected.hasSuffix("in the last") ? "in the last steps is 0.100" : expected
        #expect(found.reason.contains(said), "\(found.reason)")
        #expect(found.lastSound == 4)
    }

    /// What is optimised counts: raw score that is given up for answers that end is not lost.
    @Test func theShapedScoreIsJudged() throws {
        let shaped = ["critic/score/shaped_mean": -0.5, "critic/score/shaped_std": 0.25]
        let better = ["critic/score/mean": 0.1, "critic/score/shaped_mean": 0.1, "critic/score/shaped_std": 0.25]
        #expect(try reason(early: shaped, late: better) == nil)
        let worse = try reason(
            early: ["critic/score/shaped_mean": 0.5, "critic/score/shaped_std": 0.25],
            late: ["critic/score/mean": 0.9].merging(shaped) { $1 })
        #expect(worse?.reason.contains("as it is learned from, in the last steps is -0.500") == true)
        // A run of an earlier version has the figure in its later steps alone.
        #expect(try reason(late: shaped) == nil)
    }

    /// With a lag of 1 the answers of step 6 are those of the policy after step 4.
    @Test func thePolicyThatGaveTheAnswersIsJudged() throws {
        let late = ["actor/sequence_kl_k1": 55.4, "response_length/mean": 24, "rollout/staleness": 1]
        #expect(try reason(early: ["rollout/staleness": 1], late: late)?.lastSound == 2)
    }

    @Test func heldOutPromptsDecideWhereTheyAre() throws {
        func evaluation(_ after: [Float]) -> Evaluation {
            Evaluation(
                before: EvaluationTests.answers([("r", 1, [[1.0], [1.1], [0.9], [1.0]])]),
                after: EvaluationTests.answers([("r", 1, after.map { [$0] })]), klBudget: 12, notes: [])
        }
        let worse = try reason(late: [:], evaluation: evaluation([0.1, 0.2, 0.1, 0.15]))
        #expect(worse?.reason.contains("on held-out prompts its r is") == true)
        // Training answers are of other prompts each step.
        #expect(try reason(late: ["critic/score/mean": 0.1], evaluation: evaluation([1.0, 1.2, 0.8, 1.1])) == nil)
    }

    @Test func alarmsOfAKindAreOneLine() throws {
        let alarms = RunAlarm.gathered([(2, "answer_length", "a"), (3, "x", "b"), (7, "answer_length", "c")])
        #expect(alarms.map(\.code) == ["answer_length", "x"])
        #expect(alarms[0].when == "steps 2 to 7, 2 times" && alarms[0].text == "c" && alarms[1].when == "step 3")
        #expect(alarms[0].hint != nil && alarms[1].hint == nil)
    }
}
