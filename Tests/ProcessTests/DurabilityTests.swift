import Foundation
import Testing

/// Checkpoints are rarer than steps: what lies between is repeated from the journal, by real processes.
@Suite(.serialized, .onItsOwnThread) struct DurabilityTests {
    private static let everyFifth = ["--set", "ppo.checkpoint_every=5"]

    private func start(_ run: TinyRun, _ keys: [String] = []) throws -> Running {
        try Running(
            Skein.executable.path, ["run", run.file] + Self.everyFifth + keys.flatMap { ["--set", $0] })
    }

    private func reached(_ step: Int, _ run: TinyRun) async throws -> Bool {
        try await eventually(within: 60) { run.committed >= step ? true : nil } ?? false
    }

    /// First and last step of each repetition that the learners' log names.
    private func repeated(_ run: TinyRun) throws -> [(first: Int, last: Int)] {
        let log = try String(contentsOfFile: run.directory + "/logs/learner.log", encoding: .utf8)
        return log.matches(of: #/repeats steps? (\d+)(?: to (\d+))? from the journal/#).compactMap { match in
            guard let first = Int(match.1), let last = Int(match.2 ?? match.1) else { return nil }
            return (first, last)
        }
    }

    private func checkpoints(_ run: TinyRun) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: run.directory + "/checkpoints").filter {
            $0.hasPrefix("step-")
        }.sorted()
    }

    @Test(arguments: ["mode: sync", "mode: lag, lag: 1"])
    func aLearnerKilledBetweenCheckpointsChangesNothing(_ mode: String) async throws {
        let undisturbed = try await TinyRun(steps: 14, mode: mode)
        try #require(try await undisturbed.start().result().status == 0)
        let run = try await TinyRun(steps: 14, mode: mode)
        let running = try start(run)
        var killed: Set<Int32> = []
        for step in [3, 7, 11] {
            try #require(try await reached(step, run), "\(running.error) \(run.logs())")
            let learner = try await eventually { () -> Int32? in
                let pid = try await run.workers().first { $0.role == "learner" && $0.state != "gone" }?.pid
                return pid.flatMap { killed.contains($0) ? nil : $0 }
            }
            killed.insert(try #require(learner))
            kill(try #require(learner), SIGKILL)
        }
        let result = try await running.result()
        try #require(result.status == 0, "\(result.error) \(run.logs())")
        #expect(try run.policy() == undisturbed.policy())
        let repeated = try repeated(run)
        // One may have died just behind a checkpoint.
        #expect(!repeated.isEmpty && repeated.count <= 3, "\(run.logs())")
        #expect(repeated.allSatisfy { $0.last - $0.first < 5 && $0.first % 5 == 1 }, "\(repeated)")
        #expect(run.committed == 14)
        let jobs = try #require(try run.summary()["jobs"] as? [String: Int])
        #expect(jobs["generate"] == 14 * 8 && jobs["counted"] == 2 * 14 * 8)
        #expect(try checkpoints(run).last == "step-000014")
    }

    /// As if the machine of the learner had gone down: what was not synced is damaged, and the last checkpoint not there.
    /// A run file that says something else since does not change what was made before.
    @Test(arguments: [nil, "ppo.learning_rate=5e-4"])
    func whatTheMachineLostIsMadeAgain(_ change: String?) async throws {
        let constant = ["ppo.schedule=constant", "ppo.warmup=0"]
        let run = try await TinyRun(steps: 14)
        let live = try start(run, constant)
        try #require(try await reached(7, run), "\(live.error) \(run.logs())")
        live.signal(SIGTERM)
        #expect(try await live.result().status == 75)
        let made = run.committed
        // It left one of the step that it had made.
        let left = try checkpoints(run)
        let last = try #require(left.last.flatMap { Int($0.dropFirst("step-".count)) })
        #expect(last == made || last == made + 1, "\(left), \(made) steps")
        for name in left where last % 5 != 0 && name == left.last {
            try FileManager.default.removeItem(atPath: run.directory + "/checkpoints/" + name)
        }
        let versions = run.directory + "/versions"
        for name in try FileManager.default.contentsOfDirectory(atPath: versions) {
            let weights = "\(versions)/\(name)/model.safetensors"
            let links = try FileManager.default.attributesOfItem(atPath: weights)[.referenceCount] as? Int
            if links == 1 { try Data("half".utf8).write(to: URL(filePath: weights)) }
        }
        let rest = try await start(run, constant + [change].compactMap { $0 }).result()
        try #require(rest.status == 0, "\(rest.error) \(run.logs())")
        if last % 5 != 0 { #expect(try !repeated(run).isEmpty, "\(run.logs())") }
        #expect(run.committed == 14)
        guard change == nil else { return }
        let undisturbed = try await TinyRun(steps: 14)
        try #require(try await start(undisturbed, constant).result().status == 0)
        #expect(try run.policy() == undisturbed.policy())
    }

    /// The policy's file of each step, and not much more.
    @Test func theFiguresSayWhatWasWritten() async throws {
        let run = try await TinyRun(steps: 4)
        try #require(try await run.start().result().status == 0)
        let weights = try run.policy().count
        let lines = try String(contentsOfFile: run.directory + "/metrics.jsonl", encoding: .utf8)
        for line in lines.split(separator: "\n") {
            let figures = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let bytes = try #require(figures?["perf/bytes_written"] as? Int)
            // The tokenizer's files stand beside the weights.
            #expect(bytes >= weights && bytes < weights + 200_000, "\(bytes) of \(weights)")
        }
    }
}
