import Foundation
import Testing

/// Workers that join and leave a run by hand.
@Suite(.serialized, .onItsOwnThread) struct WorkerLifeTests {
    @Test func aGeneratorStartedByHandGetsItsModelWorksAndDrains() async throws {
        let run = try await TinyRun(steps: 200, generators: 1, newTokens: 64)
        let running = try run.start()
        let endpoint = try #require(
            try await eventually { () -> String? in
                guard let data = FileManager.default.contents(atPath: run.directory + "/coordinator.json") else {
                    return nil
                }
                return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["endpoint"] as? String
            })
        // Nothing of the run's folder is told to it: model and tokenizer come over the wire.
        let third = try Running(
            Skein.executable.path, ["generator", "--coordinator", endpoint, "--name", "third"] + run.key("generator"))
        let working = try await eventually { () -> TinyRun.Worker? in
            try await run.workers().first { $0.name == "third" && $0.jobsDone > 0 }
        }
        #expect(working != nil, "\(third.error)")
        third.signal(SIGTERM)
        let seen = try await eventually(within: 60) { () -> TinyRun.Worker? in
            try await run.workers().first { $0.name == "third" && ["draining", "gone"].contains($0.state) }
        }
        #expect(seen != nil)
        let result = try await third.result(within: 120)
        #expect(result.status == 0, "\(result.error)")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    /// Drained by command, stopped by command, and gone on with by the first command again.
    @Test func aRunIsDrainedStoppedAndResumedByCommand() async throws {
        let whole = try await TinyRun(steps: 12)
        try #require(try await whole.start().result().status == 0)

        let run = try await TinyRun(steps: 12)
        let running = try run.start()
        let worker = try #require(
            try await eventually { () -> TinyRun.Worker? in
                try await run.workers().first { $0.role == "generator" && $0.jobsDone > 0 }
            })
        let drained = try await Skein.run(["drain", worker.name, "--run", run.directory])
        #expect(drained.status == 0, "\(drained.error)")
        let left = try await eventually { () -> Bool? in
            try await run.workers().contains { $0.name == worker.name && $0.state == "gone" } ? true : nil
        }
        #expect(left == true)
        let stopped = try await Skein.run(["stop", "--run", run.directory])
        #expect(stopped.status == 0, "\(stopped.error)")
        let first = try await running.result(within: 60)
        #expect(first.status == 75, "\(first.error)")
        let second = try await run.start().result()
        #expect(second.status == 0, "\(second.error)")
        #expect(try run.policy() == whole.policy())
    }

    @Test func aKilledSupervisorLeavesNoOrphan() async throws {
        let run = try await TinyRun(steps: 500, generators: 2)
        let running = try run.start()
        let workers = try #require(
            try await eventually { () -> [TinyRun.Worker]? in
                let workers = try await run.workers()
                return workers.count == 4 ? workers : nil
            })
        let file = try Data(contentsOf: URL(filePath: run.directory + "/coordinator.json"))
        let coordinator = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
        let pids = workers.map(\.pid) + [try #require(coordinator["pid"] as? Int32)]
        kill(running.pid, SIGKILL)
        let ended = try await eventually(within: 120) { () -> Bool? in
            pids.allSatisfy { pid in
                // One that nobody has waited for is dead as well.
                let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
                return status?.split(separator: ")").last?.split(separator: " ").first.map { $0 == "Z" } ?? true
            } ? true : nil
        }
        #expect(ended == true)
    }

    @Test func aWorkerInPythonScores() async throws {
        let python = ProcessInfo.processInfo.environment["SKEIN_PYTHON"] ?? "python3"
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "scripts/reward_worker.py").path
        let run = try await TinyRun(steps: 2, keys: "rewards: [{kind: worker, name: taste}]")
        try run.folder.write("taste.py", "def score(prompt, response):\n    return len(response) / 100\n")
        let running = try run.start()
        let up = try await eventually { () -> Bool? in
            FileManager.default.fileExists(atPath: run.directory + "/coordinator.json") ? true : nil
        }
        try #require(up == true, "\(running.error)")
        let worker = try Running(
            python, [script, "--run", run.directory, "--reward", "taste", "--file", run.folder.path + "/taste.py"])
        let result = try await running.result()
        #expect(result.status == 0, "\(result.error)\n\(worker.error)")
        #expect(try await worker.result(within: 120).status == 0)
        #expect(worker.error.contains("joined"))
        let steps = try String(contentsOfFile: run.directory + "/metrics.jsonl", encoding: .utf8)
        #expect(steps.contains("taste"), "\(steps)")
    }
}
