import Foundation
import Testing

/// What commands answer, and how a run says that it ended.
@Suite(.serialized, .onItsOwnThread) struct WordsTests {
    @Test func commandsAnswerInWords() async throws {
        let run = try await TinyRun(steps: 500, generators: 1, newTokens: 48)
        let running = try run.start()
        let worker = try #require(
            try await eventually { () -> TinyRun.Worker? in
                try await run.workers().first { $0.role == "generator" && $0.jobsDone > 0 }
            })
        func answer(_ words: String...) async throws -> Skein.Result {
            try await Skein.run(words + ["--run", run.directory])
        }
        let scaled = try await answer("scale", "generator=2")
        #expect(scaled.status == 0 && scaled.output == "scaled generator to 2\n", "\(scaled)")
        let drained = try await answer("drain", worker.name)
        #expect(drained.status == 0 && drained.output == "drained \(worker.name)\n", "\(drained)")
        let nobody = try await answer("drain", "nobody")
        #expect(nobody.status == 2 && nobody.error.contains("no worker is called 'nobody'"), "\(nobody)")
        let paused = try await answer("pause")
        #expect(paused.output.contains("paused") && paused.output.contains("skein resume --run"), "\(paused)")
        #expect(try await answer("resume").output == "resumed\n")
        let file = try #require(FileManager.default.contents(atPath: run.directory + "/coordinator.json"))
        let endpoint = try #require(
            (JSONSerialization.jsonObject(with: file) as? [String: Any])?["endpoint"] as? String)
        let third = try Running(Skein.executable.path, ["generator", "--coordinator", endpoint, "--name", "third"])
        let told = try await eventually { running.error.contains("joined: generator third") ? true : nil }
        #expect(told == true, "\(running.error) \(third.error)")
        #expect(!running.error.contains("joined: generator generator-"), "\(running.error)")

        let stopped = try await answer("stop")
        #expect(stopped.status == 0 && stopped.output.hasPrefix("stopped after step "), "\(stopped)")
        let result = try await running.result(within: 60)
        #expect(result.status == 75)
        let last = try #require(result.error.split(separator: "\n").last.map(String.init))
        #expect(
            last.contains("stopped as asked after step ")
                && last.contains(" of 500; go on with: skein run \(run.file)"), "\(last)")
        #expect(!result.error.contains("cannot go on"), "\(result.error)")
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/coordinator.json"))
        let status = try await answer("status")
        #expect(status.status == 2 && status.output.contains("STOPPED"), "\(status)")
        let late = try await answer("pause")
        #expect(late.status == 2 && late.error.contains("stopped after step"), "\(late)")
        _ = try await third.result(within: 60)
    }

    @Test func aFinishedRunSaysSo() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await run.start().result().status == 0)
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/coordinator.json"))
        let status = try await Skein.run(["status", "--run", run.directory])
        #expect(status.status == 0, "\(status)")
        for part in ["DONE  step 2/2", "reward", "\(run.directory)/policy", "report.html"] {
            #expect(status.output.contains(part), "\(status.output)")
        }
        let json = try await run.status()
        #expect(json?["state"] as? String == "DONE" && json?["steps"] as? Int == 2)
        let quiet = try await Skein.run(["status", "--quiet", "--run", run.directory])
        #expect(quiet.status == 0 && quiet.output.isEmpty)
        let nothing = try await Skein.run(["status", "--run", run.folder.path])
        #expect(nothing.status == 2 && nothing.error.contains("no run was started there"), "\(nothing)")
    }

    @Test(arguments: [["generate"], ["sft"], ["checkpoint", "export"]])
    func helpOfACommandIsOneText(_ words: [String]) async throws {
        let asked = try await Skein.run(["help"] + words)
        let flag = try await Skein.run(words + ["--help"])
        #expect(asked.status == 0 && asked.output == flag.output && asked.output.contains("USAGE"), "\(asked) \(flag)")
        #expect(asked.output.contains(words == ["generate"] ? "--max-new-tokens" : "<"), "\(asked.output)")
    }
}

/// Likely mistakes: each is named with its place and the remedy before anything of the run is started.
@Suite(.serialized, .onItsOwnThread) struct LikelyMistakesTests {
    private func expect(
        _ run: TinyRun, _ overrides: [String] = [], status: Int32 = 78, says parts: String...
    ) async throws {
        for command in [["config", "check"], ["run"]] where status != 75 || command == ["run"] {
            let result = try await Skein.run(command + [run.file] + overrides.flatMap { ["--set", $0] }, within: 60)
            #expect(result.status == status, "\(command): \(result.error)")
            for part in parts { #expect(result.error.contains(part), "\(command): \(part)? \(result.error)") }
            #expect(!result.error.contains("== "), "a stage was started: \(result.error)")
        }
    }

    private func rewrite(_ run: TinyRun, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: run.file, encoding: .utf8)
        try #require(text.contains(old))
        try run.folder.write("run.yaml", text.replacing(old, with: new))
    }

    @Test func aWrongPath() async throws {
        try await expect(try await TinyRun(), ["models.base=/nowhere"], says: "models.base", "/nowhere")
    }

    @Test func aMisspeltKey() async throws {
        let run = try await TinyRun()
        try rewrite(run, "learning_rate:", "learning_rte:")
        try await expect(run, says: "run.yaml:9:", "ppo.learning_rte", "did you mean 'learning_rate'?")
    }

    @Test func aWrongType() async throws {
        try await expect(try await TinyRun(), ["ppo.steps=many"], says: "ppo.steps", "a whole number", "'many'")
    }

    @Test func promptsWithoutTheirKey() async throws {
        let run = try await TinyRun()
        try run.folder.write("prompts.jsonl", "{\"prompt\": \"one\"}\n{\"question\": \"two\"}\n")
        try await expect(run, says: "prompts.jsonl:2:", "'prompt'")
    }

    @Test func noTokenizer() async throws {
        let run = try await TinyRun()
        try FileManager.default.removeItem(atPath: run.folder.path + "/base/tokenizer.json")
        try await expect(run, says: "tokenizer.json", run.folder.path + "/base")
    }

    @Test func weightsOfAnotherShape() async throws {
        let run = try await TinyRun()
        let file = run.folder.path + "/base/config.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let changed = text.replacing(#/"intermediate_size" ?: ?64/#, with: "\"intermediate_size\": 80")
        try #require(changed != text)
        try changed.write(toFile: file, atomically: true, encoding: .utf8)
        try await expect(run, says: "models.base", "shape", "mlp")
    }

    @Test func aBadLineOfALaterStage() async throws {
        let run = try await TinyRun()
        try run.folder.write(
            "pairs.jsonl", "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n{\"prompt\":\"a\"}\n")
        try run.folder.write("demos.jsonl", "{\"prompt\":\"a\",\"completion\":\"b\"}\n")
        try await expect(
            run,
            [
                "stages=[sft, reward_model, ppo]", "data.sft=\(run.folder.path)/demos.jsonl",
                "data.preferences=\(run.folder.path)/pairs.jsonl",
            ], says: "data.preferences", "pairs.jsonl:2:", "chosen")
    }

    @Test func wrongIndentation() async throws {
        let run = try await TinyRun()
        try rewrite(run, "ppo: {steps: 3, epochs: 1,", "epochs: 1\nppo: {steps: 3,")
        try await expect(run, says: "run.yaml:9:1", "epochs: unknown key", "'epochs' belongs under")
    }

    @Test func aPortInUse() async throws {
        let taken = try Listener()
        try await expect(
            try await TinyRun(), ["coordinator.status=127.0.0.1:\(taken.port)"], status: 75,
            says: "coordinator.status", "\(taken.port)", "127.0.0.1:0")
    }

    @Test func theDirectoryOfAnotherRun() async throws {
        let run = try await TinyRun(steps: 1)
        try #require(try await run.start().result().status == 0)
        try await expect(
            run, ["rollout.max_new_tokens=5"], says: run.directory, "rollout.max_new_tokens 24 -> 5", "--fresh")
    }
}
