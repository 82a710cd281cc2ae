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
        let third = try Running(
            Skein.executable.path, ["generator", "--coordinator", endpoint, "--name", "third"] + run.key("generator"))
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
                && last.contains(" of 500; go on with: ") && last.contains("skein run \(run.file)"), "\(last)")
        #expect(!result.error.contains("cannot go on"), "\(result.error)")
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/coordinator.json"))
        let status = try await answer("status")
        #expect(status.status == 2 && status.output.contains("STOPPED"), "\(status)")
        // Found by the shell, it is named so.
        let folder = Skein.executable.deletingLastPathComponent().path
        let found = try await Running("/usr/bin/env", ["PATH=\(folder)", "skein", "status", "--run", run.directory])
            .result()
        #expect(found.output.contains("; go on with: skein run \(run.directory)/run.yaml\n"), "\(found)")
        let late = try await answer("pause")
        #expect(late.status == 2 && late.error.contains("stopped after step"), "\(late)")
        _ = try await third.result(within: 60)
    }

    /// Else it waits for ever without a word.
    @Test func aRunThatWasPausedWhenItStoppedSaysSo() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        let first = try run.start()
        let isLive = try await eventually { () -> Bool? in
            let state = try await run.status()?["state"] as? String
            return state == "RUNNING" ? true : nil
        }
        try #require(isLive == true, "\(first.error)")
        #expect(try await Skein.run(["pause", "--run", run.directory]).status == 0)
        let word = "skein resume --run \(run.directory)"
        #expect(try await eventually { first.error.contains(word) ? true : nil } == true, "\(first.error)")
        #expect(first.error.contains("PAUSED: nothing is done until: "), "\(first.error)")
        first.signal(SIGTERM)
        #expect(try await first.result().status == 75)
        let second = try run.start()
        #expect(try await eventually { second.error.contains(word) ? true : nil } == true, "\(second.error)")
        #expect(try await Skein.run(["resume", "--run", run.directory]).status == 0)
        #expect(try await eventually { second.error.contains("the run goes on") ? true : nil } == true)
        second.signal(SIGTERM)
        _ = try await second.result()
    }

    @Test func aRunBeforePPOIsLive() async throws {
        let run = try await TinyRun()
        try run.folder.write(
            "demos.jsonl", (0..<50).map { #"{"prompt":"Say \#($0):","completion":" \#($0)"}"# }.joined(separator: "\n"))
        let running = try Running(
            Skein.executable.path,
            ["run", run.file, "--set", "stages=[sft, ppo]", "--set", "data.sft=\(run.folder.path)/demos.jsonl"]
                + ["--set", "sft.epochs=1000", "--set", "sft.threads=1"])
        let isTraining = try await eventually { running.error.contains("== sft") ? true : nil }
        try #require(isTraining == true, "\(running.error)")
        let word = "process \(running.pid) (skein run) is in its stages before PPO"
        let status = try await Skein.run(["status", "--run", run.directory])
        #expect(status.status == 0 && status.output.contains(word), "\(status)")
        #expect(try await run.status()?["state"] as? String == "STARTING")
        let paused = try await Skein.run(["pause", "--run", run.directory])
        #expect(paused.status == 2 && paused.error.contains(word), "\(paused)")
        running.signal(SIGTERM)
        _ = try await running.result()
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

    @Test(arguments: [
        ["generate"], ["pretrain"], ["sft"], ["reward-model"], ["evaluate"], ["logprobs"], ["score"], ["tokenize"],
        ["run"], ["status"], ["config", "check"], ["checkpoint", "export"], ["learner"], ["generator"],
    ])
    func helpOfACommandIsOneText(_ words: [String]) async throws {
        let asked = try await Skein.run(["help"] + words)
        let flag = try await Skein.run(words + ["--help"])
        #expect(asked.status == 0 && asked.output == flag.output && asked.output.contains("USAGE"), "\(asked) \(flag)")
        #expect((words == ["generate"] ? asked.output.contains("--max-new-tokens") : true), "\(asked.output)")
    }
}
