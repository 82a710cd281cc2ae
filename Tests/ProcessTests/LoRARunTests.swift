import Foundation
import Testing

/// Fine-tuning, reward model and PPO with adapters, by one command.
@Suite(.serialized, .onItsOwnThread) struct LoRARunTests {
    private func write(_ folder: Skein.Folder, base: String, generators: Int, extra: String = "") throws -> String {
        func lines(_ line: (Int) -> String) -> String { (0..<24).map(line).joined(separator: "\n") + "\n" }
        try folder.write("prompts.jsonl", lines { #"{"prompt":"Say something about number \#($0):"}"# })
        try folder.write("demos.jsonl", lines { #"{"prompt":"Say \#($0):","completion":" \#($0) it is."}"# })
        try folder.write(
            "pairs.jsonl", lines { #"{"prompt":"Say \#($0):","chosen":" \#($0) it is.","rejected":" no \#($0 + 1)"}"# })
        try folder.write(
            "run.yaml",
            """
            name: lora
            seed: 3
            run_directory: \(folder.path)/run
            stages: [sft, reward_model, ppo]
            models: {base: \(base)}
            data: {sft: \(folder.path)/demos.jsonl, preferences: \(folder.path)/pairs.jsonl, prompts: \(folder.path)/prompts.jsonl}
            sft: {epochs: 1, batch_size: 8, learning_rate: 1e-3, threads: 1, lora: {rank: 2, targets: [q_proj, v_proj]}}
            reward_model: {epochs: 1, batch_size: 8, learning_rate: 1e-3, threads: 1, lora: {rank: 2, targets: all-linear}}
            rollout: {prompts_per_step: 16, prompts_per_job: 2, max_new_tokens: 16}
            ppo: {steps: 3, epochs: 1, minibatches: 2, learning_rate: 1e-2, lora: {rank: 1, targets: [q_proj, v_proj]}}
            coordinator: {status: "127.0.0.1:0", lease_s: 5, grace_s: 120}
            roles: {generator: {count: \(generators), threads: 1}, scorer: {count: 1, threads: 1}, learner: {threads: 1}}
            \(extra)
            """)
        return folder.path + "/run.yaml"
    }

    /// Of the files in a folder, not of folders in it.
    private func bytes(_ folder: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { sum, name in
            let values = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            return sum + (values[.type] as? FileAttributeType == .typeRegular ? values[.size] as? Int ?? 0 : 0)
        }
    }

    @Test func adaptersAreTrainedSentAndMerged() async throws {
        let base = try await TinyRun.base.path() + "/base"
        var policies: [Data] = []
        for generators in 1...2 {
            let folder = try Skein.Folder()
            let result = try await Skein.run(["run", write(folder, base: base, generators: generators)])
            try #require(result.status == 0, "\(result.error)")
            let run = folder.path + "/run"
            policies.append(try Data(contentsOf: URL(filePath: run + "/policy/model.safetensors")))
            for stage in ["sft", "reward-model", "policy"] {
                #expect(FileManager.default.fileExists(atPath: "\(run)/\(stage)/adapter/adapter_model.safetensors"))
            }
            #expect(FileManager.default.fileExists(atPath: run + "/reward-model/adapter/reward_head.safetensors"))
            // What generators pulled for the last version, beside what they pulled for the first.
            let sent = try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints/step-000003/policy")
            #expect(sent.sorted() == ["adapter_config.json", "adapter_model.safetensors"])
            let (first, last) = try (bytes(run + "/sft"), bytes(run + "/checkpoints/step-000003/policy"))
            #expect(Double(last) <= 0.03 * Double(first), "\(last) of \(first) bytes")
            let metrics = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
            #expect(metrics.split(separator: "\n").count == 3)
            // The merged policy and the adapter over its base say the same.
            func answer(_ words: [String]) async throws -> String {
                try await Skein.run(
                    ["generate", "--prompt", "Say 7:", "--temperature", "0", "--max-new-tokens", "8", "--threads", "1"]
                        + words
                ).output
            }
            let merged = try await answer(["--model", run + "/policy"])
            #expect(try await answer(["--model", run + "/sft", "--adapter", run + "/policy/adapter"]) == merged)
            #expect(!merged.isEmpty)
        }
        #expect(policies[0] == policies[1])
    }

    @Test func aKilledLearnerGoesOnFromItsAdapters() async throws {
        var policies: [Data] = []
        for kills in [0, 1] {
            let run = try await TinyRun(steps: 6, generators: 1)
            let keys = ["ppo.lora.rank=2", "ppo.learning_rate=1e-2", "ppo.checkpoint_every=1"]
            let words = keys.flatMap { ["--set", $0] }
            let running = try Running(Skein.executable.path, ["run", run.file] + words)
            if kills > 0 {
                // After the second checkpoint, so that there are moments to go on with.
                let checkpoints = run.directory + "/checkpoints"
                let learner = try await eventually { () -> Int32? in
                    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
                    guard names.contains("step-000002") else { return nil }
                    return try await run.workers().first { $0.role == "learner" && $0.pid > 0 }?.pid
                }
                kill(try #require(learner), SIGKILL)
            }
            let result = try await running.result()
            try #require(result.status == 0, "\(result.error)")
            policies.append(try run.policy())
            let logs = try FileManager.default.contentsOfDirectory(atPath: run.directory + "/logs").map {
                try String(contentsOfFile: "\(run.directory)/logs/\($0)", encoding: .utf8)
            }
            #expect(logs.contains { $0.contains("resuming") } == (kills > 0))
        }
        #expect(policies[0] == policies[1])
    }

    @Test func targetsThatTheModelDoesNotHaveAreNamed() async throws {
        let base = try await TinyRun.base.path() + "/base"
        let folder = try Skein.Folder()
        let file = try write(folder, base: base, generators: 1)
        let result = try await Skein.run(["sft", file, "--set", "sft.lora.targets=[c_attn]"])
        #expect(result.status == 78)
        #expect(result.error.contains("sft.lora") && result.error.contains("'c_attn'"), "\(result.error)")
    }
}
