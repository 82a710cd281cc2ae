import Foundation
import Testing

/// Runs that are extended, moved and branched.
@Suite(.serialized, .onItsOwnThread) struct GoingOnTests {
    private let constant = ["--set", "ppo.schedule=constant", "--set", "ppo.warmup=0"]

    private func run(_ run: TinyRun, _ keys: [String] = [], _ words: [String] = []) async throws -> Skein.Result {
        try await Skein.run(["run", run.file] + constant + keys.flatMap { ["--set", $0] } + words)
    }

    private func lines(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    /// Every file of two model directories.
    private func expectEqual(_ one: String, _ other: String) throws {
        let names = try FileManager.default.subpathsOfDirectory(atPath: one).sorted()
        #expect(try names == FileManager.default.subpathsOfDirectory(atPath: other).sorted())
        #expect(names.contains("tokenizer.json") && names.contains("config.json"))
        for name in names where name.contains(".") {
            #expect(try bytes("\(one)/\(name)") == bytes("\(other)/\(name)"), "\(name)")
        }
    }

    @Test(arguments: ["mode: sync", "mode: lag, lag: 1"])
    func anExtendedRunIsTheOneThatWasLongFromTheStart(_ mode: String) async throws {
        let long = try await TinyRun(steps: 5, mode: mode)
        try #require(try await run(long).status == 0)

        let short = try await TinyRun(steps: 2, mode: mode)
        try #require(try await run(short).status == 0)
        let early = try short.policy()
        let summary = try bytes(short.directory + "/summary.json")
        let more = try await run(short, ["ppo.steps=5", "roles.generator.count=3"], ["--resume"])
        #expect(more.status == 0, "\(more.error) \(short.logs())")
        #expect(more.error.contains("from step 3 on: ppo.steps 2 -> 5"), "\(more.error)")
        #expect(more.error.contains("changed: roles.generator.count 2 -> 3"))
        #expect(!more.error.contains("the learning rates now follow"))
        #expect(try short.policy() == long.policy())
        #expect(try bytes(short.directory + "/policy-step-2/model.safetensors") == early)
        // What was said of it is not said of the longer run's policy.
        #expect(try bytes(short.directory + "/policy-step-2/summary.json") == summary)
        let kept = try lines(short.directory + "/changes.jsonl")
        #expect(kept.map { $0["key"] as? String } == ["ppo.steps", "roles.generator.count"])
        #expect(kept.allSatisfy { $0["step"] as? Int == 2 })
        let again = try await run(short, ["ppo.steps=5", "roles.generator.count=3"])
        #expect(again.status == 0 && again.error.contains("used again"), "\(again.error)")
        #expect(try lines(short.directory + "/changes.jsonl").count == 2)
        let fewer = try await run(short, ["ppo.steps=3"])
        #expect(fewer.status == 78 && fewer.error.contains("ppo.steps 5 -> 3: 5 steps are made"), "\(fewer.error)")
    }

    @Test func aRunWhoseLastCheckpointIsDamagedSaysWhereToStartFrom() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await self.run(run, ["ppo.checkpoint_every=1"]).status == 0)
        let moments = run.directory + "/checkpoints/step-000002/optimizer.safetensors"
        let whole = try bytes(moments)
        try whole.prefix(whole.count / 2).write(to: URL(filePath: moments))
        let more = try await self.run(run, ["ppo.steps=4"])
        #expect(more.status == 78, "\(more.error) \(run.logs())")
        #expect(more.error.contains("skein run --from \(run.directory)@1"), "\(more.error)")
    }

    @Test func aLearningRateHoldsFromTheNextStepOn() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await self.run(run).status == 0)
        let more = try await self.run(run, ["ppo.steps=4", "ppo.learning_rate=5e-4", "ppo.kl.coefficient=0.2"])
        #expect(more.status == 0, "\(more.error) \(run.logs())")
        #expect(more.error.contains("from step 3 on: ppo.learning_rate 0.001 -> 0.0005"), "\(more.error)")
        let metrics = try lines(run.directory + "/metrics.jsonl")
        #expect(metrics.compactMap { $0["actor/lr"] as? Double } == [1e-3, 1e-3, 5e-4, 5e-4])
        #expect(metrics.compactMap { $0["actor/kl_coef"] as? Double } == [0.05, 0.05, 0.2, 0.2])
        // A schedule is that of a run with as many steps as there are now.
        let linear = try await Skein.run(
            ["run", run.file, "--set", "ppo.steps=8", "--set", "ppo.learning_rate=5e-4", "--set", "ppo.warmup=0"]
                + ["--set", "ppo.kl.coefficient=0.2", "--set", "ppo.schedule=linear"])
        #expect(linear.status == 0 && linear.error.contains("the schedule of a run of 8 steps"), "\(linear.error)")
        let rates = try lines(run.directory + "/metrics.jsonl").compactMap { $0["actor/lr"] as? Double }
        // The last of two updates of steps 4 to 7, of 16 updates in all.
        let expected = [9, 11, 13, 15].map { 5e-4 * (1 - Double($0) / 16) }
        #expect(zip(rates.suffix(4), expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(rates)")
    }

    @Test func whatStepsDependOnIsRefusedByName() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await self.run(run).status == 0)
        let before = try bytes(run.directory + "/run.yaml")
        let keys = ["rollout.temperature=0.5", "ppo.gamma=0.9", "ppo.learning_rate=1e-4", "rewards.0.target=3"]
        for words in [["run"], ["run", "--resume"], ["config", "check"]] {
            let refused = try await Skein.run(words + [run.file] + constant + keys.flatMap { ["--set", $0] })
            #expect(refused.status == 78)
            for part in [
                "rollout.temperature 1 -> 0.5", "ppo.gamma 1 -> 0.9", "rewards.0.target 12 -> 3", "--fresh",
                "run_directory", "--from",
            ] {
                #expect(refused.error.contains(part), "\(words) \(part): \(refused.error)")
            }
            #expect(!refused.error.contains("ppo.learning_rate "))
        }
        #expect(try bytes(run.directory + "/run.yaml") == before)
        let checked = try await Skein.run(
            ["config", "check", run.file, "--set", "ppo.steps=9"] + constant)
        #expect(checked.status == 0 && checked.error.contains("from step 3 on: ppo.steps 2 -> 9"), "\(checked.error)")
        try await expectThatHeldOutPromptsMayChange(run)
        try await expectThatAnInterruptedCallIsWrittenOnce(run)
        let moved = run.folder.path + "/other.jsonl"
        try FileManager.default.moveItem(atPath: run.folder.path + "/prompts.jsonl", toPath: moved)
        let same = try await self.run(run, ["data.prompts=\(moved)"])
        #expect(same.status == 0 && same.error.contains("changed: data.prompts"), "\(same.error)")
    }

    /// They change nothing that is learned.
    private func expectThatHeldOutPromptsMayChange(_ run: TinyRun) async throws {
        for words in ["one", "other"] {
            try run.folder.write("held-\(words).jsonl", "{\"prompt\": \"\(words)\"}\n")
            let keys = ["evaluation.every=1", "data.evaluation_prompts=\(run.folder.path)/held-\(words).jsonl"]
            let result = try await self.run(run, keys)
            #expect(result.status == 0 && result.error.contains("changed: data.evaluation_prompts"), "\(result.error)")
        }
        let without = try await self.run(run)
        #expect(without.status == 0 && without.error.contains("changed: evaluation.every"), "\(without.error)")
        // Read before anything is made, as before the first step.
        try run.folder.write("held-bad.jsonl", "{\"prompt\": \"good\"}\n{\"text\": \"bad\"}\n")
        let keys = ["ppo.steps=3", "evaluation.every=1", "data.evaluation_prompts=\(run.folder.path)/held-bad.jsonl"]
        let bad = try await self.run(run, keys)
        #expect(bad.status == 78 && bad.error.contains("held-bad.jsonl:2"), "\(bad.error)")
        #expect(try lines(run.directory + "/metrics.jsonl").count == 2)
    }

    /// As after a crash between changes.jsonl and run.yaml.
    private func expectThatAnInterruptedCallIsWrittenOnce(_ run: TinyRun) async throws {
        let own = try bytes(run.directory + "/run.yaml")
        let keys = ["roles.generator.count=3", "coordinator.retries=9"]
        try #require(try await self.run(run, keys).status == 0)
        let written = try bytes(run.directory + "/changes.jsonl")
        try own.write(to: URL(filePath: run.directory + "/run.yaml"))
        try #require(try await self.run(run, keys).status == 0)
        #expect(try bytes(run.directory + "/changes.jsonl") == written)
        #expect(try bytes(run.directory + "/run.yaml") != own)
        // Back, and the same once more, is two changes more.
        try #require(try await self.run(run).status == 0)
        try #require(try await self.run(run, keys).status == 0)
        let keysOfChanges = try lines(run.directory + "/changes.jsonl").suffix(6).compactMap { $0["key"] as? String }
        #expect(
            keysOfChanges.sorted()
                == Array(repeating: "coordinator.retries", count: 3)
                + Array(repeating: "roles.generator.count", count: 3))
    }

    /// Half of the steps from one model and half from another would be nobody's result.
    @Test func aStageThatPPOStartedFromIsNotMadeAgain() async throws {
        let run = try await TinyRun(steps: 1)
        let demos = { (word: String) in (0..<8).map { #"{"prompt":"Say \#($0):","completion":" \#(word)"}"# } }
        try run.folder.write("demos.jsonl", demos("one").joined(separator: "\n"))
        let keys = ["stages=[sft, ppo]", "data.sft=\(run.folder.path)/demos.jsonl", "sft.threads=1", "sft.epochs=1"]
        let made = try await self.run(run, keys)
        try #require(made.status == 0, "\(made.error)")
        let model = try bytes(run.directory + "/sft/model.safetensors")
        try run.folder.write("demos.jsonl", demos("two").joined(separator: "\n"))
        let refused = try await self.run(run, keys + ["ppo.steps=2"])
        #expect(refused.status == 78)
        #expect(
            refused.error.contains("data.sft") && refused.error.contains("PPO has already started"), "\(refused.error)")
        #expect(try bytes(run.directory + "/sft/model.safetensors") == model)
        try run.folder.write("demos.jsonl", demos("one").joined(separator: "\n"))
        let restored = try await self.run(run, keys + ["ppo.steps=2"])
        #expect(restored.status == 0, "\(restored.error)")
    }

    @Test func aMovedRunGoesOn() async throws {
        let whole = try await TinyRun(steps: 6)
        try #require(try await whole.start().result().status == 0)

        let run = try await TinyRun(steps: 6)
        let live = try run.start()
        let isGoing = try await eventually {
            run.committed >= 2 ? true : nil
        }
        try #require(isGoing == true, "\(live.error)")
        live.signal(SIGTERM)
        let stopped = try await live.result()
        #expect(stopped.status == 75, "\(stopped.error)")
        let place = run.folder.path + "/elsewhere/moved"
        try FileManager.default.createDirectory(
            atPath: run.folder.path + "/elsewhere", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: run.directory, toPath: place)
        let status = try await Skein.run(["status", "--run", place])
        #expect(status.status == 2 && status.output.contains("skein run \(place)/run.yaml"), "\(status)")
        let rest = try await Skein.run(["run", place + "/run.yaml"])
        #expect(rest.status == 0 && rest.error.contains("it was \(run.directory) before"), "\(rest.error)")
        #expect(try bytes(place + "/policy/model.safetensors") == whole.policy())
        #expect(!FileManager.default.fileExists(atPath: run.directory))
        // The user's own file does as well.
        let named = try await Skein.run(["run", run.file, "--set", "run_directory=\(place)"])
        #expect(named.status == 0 && named.error.contains("used again"), "\(named.error)")
    }

    @Test func aRunBranchesFromACheckpointOfAnother() async throws {
        let first = try await TinyRun(steps: 3)
        let keys = ["ppo.keep_checkpoints=9", "ppo.checkpoint_every=1"]
        try #require(try await run(first, keys).status == 0)
        let listed = try await Skein.run(["checkpoint", "list", first.directory])
        #expect(listed.status == 0 && listed.output.split(separator: "\n").count == 4, "\(listed)")

        let export = first.folder.path + "/exported"
        let exported = try await Skein.run(["checkpoint", "export", first.directory, "latest", export])
        #expect(exported.status == 0, "\(exported.error)")
        try expectEqual(export, first.directory + "/policy")
        let twice = try await Skein.run(["checkpoint", "export", first.directory, "latest", export])
        #expect(twice.status == 2 && twice.error.contains("is there already"), "\(twice.error)")
        let gone = try await Skein.run(["checkpoint", "export", first.directory, "7", export + "-7"])
        #expect(gone.status == 78 && gone.error.contains("1, 2, 3"), "\(gone.error)")

        // What it starts from lies in there, so that --fresh would throw it away first.
        for words in [["--from", "\(first.directory)@2"], ["--from", first.directory, "--fresh"]] {
            let itself = try await run(first, ["ppo.keep_checkpoints=9"], words)
            #expect(itself.status == 78 && itself.error.contains("name another run_directory"), "\(itself.error)")
        }
        #expect(FileManager.default.fileExists(atPath: first.directory + "/checkpoints/step-000002"))

        let second = try await TinyRun(steps: 2)
        let words = ["--from", "\(first.directory)@2"]
        let branched = try await run(second, [], words)
        #expect(branched.status == 0, "\(branched.error) \(second.logs())")
        #expect(branched.error.contains("the policy starts from step 2 of \(first.directory)"))
        #expect(
            try bytes(second.directory + "/start/model.safetensors")
                == bytes(first.directory + "/checkpoints/step-000002/policy/model.safetensors"))
        // Version 0 is that policy, the reference is the run file's: they differ from the first step on.
        let kl = try lines(second.directory + "/metrics.jsonl").first?["actor/sequence_kl_k1"] as? Double
        #expect(abs(kl ?? 0) > 1e-6)
        let record = try JSONSerialization.jsonObject(with: bytes(second.directory + "/from.json")) as? [String: Any]
        #expect(record?["step"] as? Int == 2 && record?["directory"] as? String == first.directory)
        // The same command goes on, and so does the file alone; another start is refused. Where no step was named, the one
        // that was taken is meant, though the other run has a later one by now.
        let policy = try second.policy()
        for more in [words, [], ["--from", first.directory]] {
            let again = try await run(second, [], more)
            #expect(again.status == 0 && again.error.contains("used again"), "\(again.error)")
        }
        let other = try await run(second, [], ["--from", "\(first.directory)@1"])
        #expect(other.status == 78 && other.error.contains("started from step 2"), "\(other.error)")
        #expect(try second.policy() == policy)
        let without = try await run(second, ["ppo.steps=1"], ["--fresh"])
        #expect(without.status == 0 && without.error.contains("--from \(first.directory)@2"), "\(without.error)")
        #expect(!FileManager.default.fileExists(atPath: second.directory + "/from.json"))
    }

    @Test func aRunBranchesFromTheBestStepByName() async throws {
        let first = try await TinyRun(
            steps: 3, keys: "rewards: [{kind: length, target: 12}]\nevaluation: {every: 1, prompts: 4}")
        let keys = ["ppo.keep_checkpoints=1", "data.evaluation_prompts=\(first.folder.path)/prompts.jsonl"]
        let made = try await run(first, keys)
        try #require(made.status == 0, "\(made.error)")
        let summary = try first.summary()["best"] as? [String: Any]
        let best = try #require(summary?["step"] as? Int)
        let second = try await TinyRun(steps: 1)
        let branched = try await run(second, [], ["--from", "\(first.directory)@best"])
        #expect(branched.status == 0, "\(branched.error) \(second.logs())")
        #expect(branched.error.contains("the policy starts from step \(best) of \(first.directory)"))
        #expect(
            try bytes(second.directory + "/start/model.safetensors")
                == bytes(first.directory + "/policy-best/model.safetensors"))
        // A run that measured nothing has none.
        let third = try await TinyRun(steps: 1)
        let refused = try await run(third, [], ["--from", "\(second.directory)@best"])
        #expect(refused.status == 78 && refused.error.contains("has no best step"), "\(refused.error)")
    }

    @Test func adaptersAreMergedMovedAndBranchedFrom() async throws {
        let lora = ["ppo.lora.rank=2", "ppo.learning_rate=1e-2"]
        let whole = try await TinyRun(steps: 3)
        try #require(try await run(whole, lora).status == 0)
        let first = try await TinyRun(steps: 2)
        try #require(try await run(first, lora).status == 0)
        let export = first.folder.path + "/exported"
        let exported = try await Skein.run(["checkpoint", "export", first.directory, "2", export])
        #expect(exported.status == 0, "\(exported.error)")
        try expectEqual(export, first.directory + "/policy")

        let place = first.folder.path + "/moved"
        let base = first.folder.path + "/base-moved"
        try FileManager.default.moveItem(atPath: first.directory, toPath: place)
        try FileManager.default.moveItem(atPath: first.folder.path + "/base", toPath: base)
        let more = try await Skein.run(
            [
                "run", first.file, "--set", "run_directory=\(place)", "--set", "models.base=\(base)", "--set",
                "ppo.steps=3",
            ]
                + constant + lora.flatMap { ["--set", $0] })
        #expect(more.status == 0, "\(more.error)")
        #expect(try bytes(place + "/policy/model.safetensors") == whole.policy())
        let adapter = try String(contentsOfFile: place + "/policy/adapter/adapter_config.json", encoding: .utf8)
        #expect(adapter.contains(base), "\(adapter)")

        let second = try await TinyRun(steps: 1)
        let branched = try await run(second, lora, ["--from", place])
        #expect(branched.status == 0, "\(branched.error) \(second.logs())")
        #expect(
            try bytes(second.directory + "/start/model.safetensors") == bytes(place + "/policy/model.safetensors"))
    }

    @Test func aStartThatCannotBeIsRefusedAtOnce() async throws {
        let run = try await TinyRun(steps: 2)
        for (from, part) in [
            ("/nowhere@3", "/nowhere"), ("/nowhere@x", "there is no run directory /nowhere;"),
            (run.folder.path, "holds no run"),
            ("\(run.folder.path)/base@x", "'x' is no step"),
        ] {
            let refused = try await self.run(run, [], ["--from", from])
            #expect(refused.status == 78 || refused.status == 2)
            #expect(refused.error.contains(part), "\(refused.error)")
        }
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/journal.sqlite"))
    }
}
