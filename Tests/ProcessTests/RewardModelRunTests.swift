import Foundation
import Testing

/// Reward models in whole runs: several of them, with the policy's tokenizer and with another; and `skein score`.
@Suite(.serialized, .onItsOwnThread) struct RewardModelRunTests {
    private static let instructions = Bundle.module.bundleURL.appending(path: "Fixtures/instructions/model").path

    /// A reward model over a base, as the stage reward_model leaves it.
    private func rewardModel(_ folder: Skein.Folder, _ name: String, base: String) async throws -> String {
        let pairs = (0..<12).map { #"{"prompt":"Say \#($0):","chosen":" \#($0) it is.","rejected":" no \#($0 + 1)"}"# }
        try folder.write("pairs.jsonl", pairs.joined(separator: "\n") + "\n")
        try folder.write(
            "\(name).yaml",
            """
            name: \(name)
            run_directory: \(folder.path)/\(name)
            stages: [reward_model]
            models: {base: \(base)}
            data: {preferences: \(folder.path)/pairs.jsonl}
            reward_model: {epochs: 4, batch_size: 4, learning_rate: 1e-3, threads: 1}
            """)
        let result = try await Skein.run(["reward-model", "\(folder.path)/\(name).yaml"])
        try #require(result.status == 0, "\(result.error)")
        return "\(folder.path)/\(name)/reward-model"
    }

    private func score(_ folder: Skein.Folder, _ model: String, _ lines: [String], _ words: String...) async throws
        -> [Double]
    {
        try folder.write("score.jsonl", lines.joined(separator: "\n") + "\n")
        let result = try await Skein.run(
            ["score", "--model", model, "--input", folder.path + "/score.jsonl", "--threads", "1"] + words)
        try #require(result.status == 0, "\(result.error)")
        return try result.output.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(object?["score"] as? Double)
        }
    }

    private func json(_ value: [String: Any]) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
    }

    @Test func severalRewardModelsEachInItsOwnTokens() async throws {
        let base = try await TinyRun.base.path() + "/base"
        let folder = try Skein.Folder()
        let same = try await rewardModel(folder, "same", base: base)
        let other = try await rewardModel(folder, "other", base: Self.instructions)
        // As if transformers had made it.
        try FileManager.default.removeItem(atPath: other + "/reward.json")
        let run = try await TinyRun(
            steps: 2, generators: 1,
            keys: """
                rewards: [{kind: model, name: own, path: \(same)}, {kind: model, name: foreign, path: \(other), weight: 0.5}, {kind: model, name: again, path: \(same), weight: 0}]
                """)
        let result = try await run.start().result(within: 300)
        try #require(result.status == 0, "\(result.error)\(run.logs())")
        let log = try String(contentsOfFile: run.directory + "/logs/coordinator.log", encoding: .utf8)
        #expect(log.contains("reward foreign: texts are encoded again"), "\(log)")
        #expect(!log.contains("reward own: texts"))
        let samples = try String(contentsOfFile: run.directory + "/samples.jsonl", encoding: .utf8)
            .split(separator: "\n").map {
                try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        // An answer that was cut is read as it stands.
        let cut = samples.filter { $0["finish"] as? String == "length" }
        try #require(!cut.isEmpty)
        let texts = try cut.map {
            try json(["text": (try #require($0["prompt"] as? String)) + (try #require($0["response"] as? String))])
        }
        let expected = try await score(folder, other, texts)
        for (sample, value) in zip(cut, expected) {
            let rewards = try #require(sample["rewards"] as? [String: Double])
            #expect(abs(try #require(rewards["foreign"]) - value) < 1e-4)
            #expect(rewards["own"] == rewards["again"] && rewards["own"] != nil)
        }
    }

    @Test func tokenizersThatDoNotFitAreRefusedBeforeTheRun() async throws {
        let base = try await TinyRun.base.path() + "/base"
        let folder = try Skein.Folder()
        let reward = try await rewardModel(folder, "other", base: Self.instructions)
        func check(_ policy: String, _ words: String...) async throws -> Skein.Result {
            try folder.write("prompts.jsonl", "{\"prompt\":\"Hello\"}\n")
            try folder.write(
                "run.yaml",
                """
                run_directory: \(folder.path)/run
                stages: [ppo]
                models: {base: \(policy), reward: \(reward)}
                data: {prompts: \(folder.path)/prompts.jsonl}
                """)
            return try await Skein.run(["config", "check", folder.path + "/run.yaml"] + words)
        }
        let critic = try await check(base)
        #expect(critic.status == 78 && critic.error.contains("ppo.critic_from"), "\(critic)")
        #expect(critic.error.contains("critic_from: policy"))
        let fine = try await check(base, "--set", "ppo.critic_from=policy")
        #expect(fine.status == 0 && fine.error.contains("encoded again"), "\(fine)")
        try FileManager.default.removeItem(atPath: reward + "/tokenizer.json")
        let missing = try await check(base, "--set", "ppo.critic_from=policy")
        #expect(missing.status == 78 && missing.error.contains("models.reward"), "\(missing)")
        #expect(missing.error.contains("tokenizer.json"))
    }

    @Test func textsAreScored() async throws {
        let folder = try Skein.Folder()
        let model = try await rewardModel(folder, "rm", base: Self.instructions)
        let turns = [["role": "user", "content": "Say 3:"], ["role": "assistant", "content": "3 it is."]]
        let lines = try [
            json(["prompt": "Say 3:", "response": "3 it is."]), json(["messages": turns]), json(["text": "plain text"]),
            json(["prompt": [turns[0]], "response": "3 it is."]), json(["text": "another, and a longer one than that"]),
        ]
        let scores = try await score(folder, model, lines)
        #expect(scores.count == 5)
        // Three spellings of one thing.
        #expect(scores[0] == scores[1] && scores[0] == scores[3] && scores[0] != scores[2])
        // Plain text is plain for conversations too.
        let plain = try await score(
            folder, model, [lines[1], json(["prompt": "user: Say 3:", "response": "3 it is."])], "--plain")
        #expect(plain[0] == plain[1] && plain[0] != scores[1])
        // One at a time, and in another order.
        let alone = try await score(folder, model, lines.reversed(), "--token-budget", "1")
        for (a, b) in zip(scores, alone.reversed()) { #expect(abs(a - b) < 1e-5) }
        let raw = try await score(folder, model, lines, "--raw")
        let numbers = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: model + "/reward.json")))
                as? [String: Double])
        let (mean, deviation) = (try #require(numbers["mean"]), try #require(numbers["deviation"]))
        for (a, b) in zip(scores, raw) { #expect(abs(a - (b - mean) / deviation) < 1e-4) }
    }

    @Test func badLinesAreNamed() async throws {
        let folder = try Skein.Folder()
        let model = try await rewardModel(folder, "rm", base: Self.instructions)
        let bad = [
            (#"{"prompt":"a"}"#, "'response' is missing"), (#"{"x":1}"#, "'text'"), ("nonsense", "JSON"),
            (#"{"messages":[{"role":"user","content":"a"}]}"#, "assistant"),
            (try json(["text": String(repeating: "word ", count: 3000)]), "context"),
        ]
        for (line, what) in bad {
            try folder.write("bad.jsonl", "{\"text\":\"good\"}\n\n\(line)\n")
            let result = try await Skein.run(["score", "--model", model, "--input", folder.path + "/bad.jsonl"])
            #expect(result.status == 78 && result.output.isEmpty, "\(line.prefix(80)): \(result)")
            #expect(result.error.contains("bad.jsonl:3: ") && result.error.contains(what), "\(result.error)")
        }
        let none = try await Skein.run(["score", "--model", Self.instructions, "--input", folder.path + "/bad.jsonl"])
        #expect(none.status == 78 && none.error.contains("score.weight"), "\(none.error)")
    }
}
