import Foundation
import Testing

/// A run with `arithmetic: exact`, whole weights and adapters: generator and learner never differ.
@Suite(.onItsOwnThread) struct ExactArithmeticTests {
    @Test(arguments: [
        [], ["--set", "ppo.lora.rank=2", "--set", "ppo.learning_rate=1e-2"],
        ["--set", "ppo.lora.rank=2", "--set", "ppo.learning_rate=1e-2", "--set", "ppo.shared_reference=true"],
    ])
    func generatorAndLearnerNeverDiffer(_ words: [String]) async throws {
        let run = try await TinyRun(steps: 4)
        let result = try await Skein.run(["run", run.file, "--set", "arithmetic=exact"] + words)
        try #require(result.status == 0, "\(result.error)")
        let lines = try String(contentsOfFile: run.directory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
        try #require(lines.count == 4)
        for (step, line) in lines.enumerated() {
            let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let metrics = try #require(parsed)
            func metric(_ name: String) throws -> Double { try #require(metrics[name] as? Double, "\(metrics)") }
            #expect(try metric("training/rollout_logprob_diff_max") == 0)
            #expect(try metric("actor/first_ratio_mean") == 1)
            // The policy starts as the reference, whose log-probabilities a scorer computes, or the learner's base.
            #expect(try (metric("actor/sequence_kl_k1") == 0) == (step == 0))
        }
    }

    @Test func otherDevicesAreRefused() async throws {
        let run = try await TinyRun()
        let result = try await Skein.run(["run", run.file, "--set", "arithmetic=exact", "--set", "device=cuda"])
        #expect(result.status == 78)
        #expect(result.error.contains("arithmetic"), "\(result.error)")
    }
}
