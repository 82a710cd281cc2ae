import Foundation
import Testing

/// Held-out prompts in whole runs: before and after PPO, and on the way.
@Suite(.serialized, .onItsOwnThread) struct EvaluationRunTests {
    /// A tiny run with twelve held-out prompts, whose column `answer` is 0, 1 or, for four of them, nothing.
    ///
    /// - Parameter keys: `FOLDER` stands for the folder of the run file.
    private func run(steps: Int = 2, stages: String = "ppo, evaluate", _ keys: String) async throws -> TinyRun {
        let run = try await TinyRun(steps: steps, generators: 1, newTokens: 12, keys: keys)
        let held = (0..<12).map { index in
            let answer = index % 3 == 2 ? "" : #","answer":\#(index % 3)"#
            return #"{"prompt":"Say something about number \#(100 + index):"\#(answer)}"#
        }
        try run.folder.write("held.jsonl", held.joined(separator: "\n") + "\n")
        let text = try String(contentsOfFile: run.file, encoding: .utf8)
        try run.folder.write(
            "run.yaml",
            text.replacing("stages: [ppo]", with: "stages: [\(stages)]").replacing(
                "data: {", with: "data: {evaluation_prompts: FOLDER/held.jsonl, "
            ).replacing("FOLDER", with: run.folder.path))
        return run
    }

    private func json(_ path: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path))) as? [String: Any])
    }

    /// A user's own rewards, with labels from a column, of which one fails for some answers.
    @Test func rewardsOfTheUserMeasureBeforeAndAfter() async throws {
        let run = try await run(
            """
            rewards: [{kind: length, target: 6}]
            evaluation:
              samples: 4
              threads: 1
              rewards:
              - {kind: regex, name: digit, pattern: '[0-9]'}
              - {kind: command, name: label, weight: 0, retries: 0, argv: [python3, FOLDER/label.py]}
              - {kind: worker, name: taste}
            """)
        try run.folder.write(
            "label.py",
            """
            import json, sys
            for line in sys.stdin:
                row = json.loads(line)
                print(json.dumps({"score": row["extra"].get("answer", "none")}), flush=True)
            """)
        let result = try await run.start().result()
        try #require(result.status == 0, "\(result.error)\(run.logs())")
        #expect(result.error.contains("reward taste is left out"), "\(result.error)")
        #expect(result.error.contains("reward label failed for 16 of 48 answers"))
        #expect(result.output.contains("of 12 held-out prompts with 4 answers each by digit"), "\(result.output)")
        #expect(result.output.contains("digit pass@4") && !result.output.contains("gold"))
        #expect(result.output.contains("32 and 32, 32 failed"))
        let summary = try run.summary()
        let found = try #require(summary["evaluation"] as? [String: Any])
        let rewards = try #require(found["rewards"] as? [String: [String: Any]])
        #expect(rewards.keys.sorted() == ["digit", "label"])
        for side in ["before", "after"] {
            // The mean of the column over the prompts that have it.
            let label = try #require(rewards["label"]?[side] as? [String: Double])
            #expect(label["mean"] == 0.5 && label["count"] == 32 && label["low"] != nil)
        }
        let passes = try #require(rewards["digit"]?["pass_at_k"] as? [String: Any])
        #expect(passes.keys.sorted() == ["1", "2", "4"])
        #expect(FileManager.default.fileExists(atPath: run.directory + "/report.html"))
        // The same again, to the bit.
        let before = try Data(contentsOf: URL(filePath: run.directory + "/evaluation.json"))
        let again = try await Skein.run(["evaluate", run.file])
        try #require(again.status == 0, "\(again.error)")
        #expect(try Data(contentsOf: URL(filePath: run.directory + "/evaluation.json")) == before)
        // Nothing that can be computed: said, and the rest reported.
        let none = try await Skein.run(
            ["evaluate", run.file, "--set", "evaluation.rewards=[{kind: worker, name: taste}]"])
        #expect(none.status == 0 && none.error.contains("only length and KL are reported"), "\(none.error)")
        let report = try await Skein.run(["report", run.directory])
        #expect(report.output.contains("there is no win rate") && report.output.contains("tokens an answer"))
        #expect(report.output.contains("KL from the reference is"), "\(report.output)")
        // What cannot be written is no fault of the run file.
        let file = run.directory + "/evaluation.json"
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createDirectory(atPath: file + "/in-the-way", withIntermediateDirectories: true)
        let unwritten = try await Skein.run(["evaluate", run.file])
        #expect(unwritten.status == 1 && unwritten.error.contains("cannot write \(file)"), "\(unwritten)")
    }

    /// The same lines and the same policies whether a learner was killed on the way or not, and whether anyone looked.
    @Test func aKilledLearnerMeasuresTheSame() async throws {
        let keys = """
            rewards: [{kind: length, target: 6}]
            evaluation: {every: 2, samples: 2, best: length}
            """
        var lines: [String] = []
        var policies: [Data] = []
        var best: [Data] = []
        for kills in [false, true] {
            let run = try await run(steps: 6, stages: "ppo", keys)
            let running = try run.start()
            if kills {
                let learner = try await eventually { () -> Int32? in
                    let file = run.directory + "/evaluations.jsonl"
                    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
                    guard text.contains("\"step\":2") else { return nil }
                    return try await run.workers().first { $0.role == "learner" && $0.pid > 0 }?.pid
                }
                kill(try #require(learner), SIGKILL)
            }
            let result = try await running.result()
            try #require(result.status == 0, "\(result.error)\(run.logs())")
            #expect(result.error.contains("2 answers to each of 12 held-out prompts after step 2: length"))
            #expect(result.output.contains("Best by held-out length: step "), "\(result.output)")
            lines.append(try String(contentsOfFile: run.directory + "/evaluations.jsonl", encoding: .utf8))
            policies.append(try run.policy())
            best.append(try Data(contentsOf: URL(filePath: run.directory + "/policy-best/model.safetensors")))
        }
        #expect(lines[0].split(separator: "\n").count == 4 && lines[0] == lines[1])
        #expect(policies[0] == policies[1] && best[0] == best[1])
        let plain = try await run(steps: 6, stages: "ppo", "rewards: [{kind: length, target: 6}]")
        try #require(try await plain.start().result().status == 0)
        #expect(try plain.policy() == policies[0])
        #expect(!FileManager.default.fileExists(atPath: plain.directory + "/evaluations.jsonl"))
    }

    @Test func badHeldOutPromptsAreNamedBeforeTheFirstStep() async throws {
        let run = try await run("rewards: [{kind: length, target: 6}]\nevaluation: {every: 1}")
        try run.folder.write("held.jsonl", "{\"prompt\":\"good\"}\n{\"text\":\"bad\"}\n")
        let result = try await run.start().result()
        #expect(result.status == 78 && result.error.contains("held.jsonl:2"), "\(result.error)")
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/metrics.jsonl"))
    }
}
