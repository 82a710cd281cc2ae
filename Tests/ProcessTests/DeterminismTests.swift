import Foundation
import Testing

/// The same policy to the bit, whoever computes it and whoever dies on the way.
@Suite(.serialized, .onItsOwnThread) struct DeterminismTests {
    /// The learner goes on from its checkpoint, the coordinator from its journal, the workers from their connections.
    @Test func aKilledLearnerAndAKilledCoordinatorChangeNothing() async throws {
        let undisturbed = try await TinyRun(steps: 8)
        try #require(try await undisturbed.start().result().status == 0)
        let run = try await TinyRun(steps: 8)
        let running = try run.start()
        func reached(_ step: Int) async throws -> Bool {
            try await eventually(within: 60) { () -> Bool? in
                let learner = try await run.status()?["learner"] as? [String: Any]
                return (learner?["step"] as? Int ?? 0) >= step ? true : nil
            } ?? false
        }
        try #require(try await reached(2))
        let learner = try #require(
            try await eventually { try await run.workers().first { $0.role == "learner" && $0.state != "gone" } })
        kill(learner.pid, SIGKILL)
        try #require(try await reached(4), "\(running.error) \(run.logs())")
        let file = try Data(contentsOf: URL(filePath: run.directory + "/coordinator.json"))
        let coordinator = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
        kill(try #require(coordinator["pid"] as? Int32), SIGKILL)
        let result = try await running.result()
        try #require(result.status == 0, "\(result.error)")
        #expect(result.error.contains("the coordinator ended and is started again"))
        #expect(result.error.contains("child=learner"))
        #expect(try run.policy() == undisturbed.policy())
        let jobs = try #require(try run.summary()["jobs"] as? [String: Int])
        #expect(jobs["generate"] == 64 && jobs["score"] == 64 && jobs["counted"] == 128)
    }

    static let modes = ["mode: sync", "mode: lag, lag: 1"]

    @Test(arguments: modes) func thePolicyDependsNeitherOnTheCountOfGeneratorsNorOnTheirDeaths(_ mode: String)
        async throws
    {
        var policies: [Data] = []
        for generators in 1...3 {
            let run = try await TinyRun(steps: 4, mode: mode, generators: generators)
            let result = try await run.start().result()
            try #require(result.status == 0, "\(result.error)")
            policies.append(try run.policy())
        }
        #expect(policies[1] == policies[0])
        #expect(policies[2] == policies[0])

        let run = try await TinyRun(steps: 4, mode: mode, generators: 2)
        let running = try run.start()
        var killed: Set<Int32> = []
        while running.isRunning, killed.count < 2 {
            let busy = try await run.workers().first {
                $0.role == "generator" && !killed.contains($0.pid) && $0.pid > 0 && $0.jobsDone > 0
            }
            guard let busy, running.isRunning else { continue }
            kill(busy.pid, SIGKILL)
            killed.insert(busy.pid)
        }
        let result = try await running.result()
        try #require(result.status == 0, "\(result.error)")
        #expect(killed.count == 2, "the run was over before two generators could be killed")
        #expect(try run.policy() == policies[0])
        // Every job counted once: 4 steps of 8 generate and 8 score jobs.
        let jobs = try #require(try run.summary()["jobs"] as? [String: Int])
        #expect(jobs["generate"] == 32 && jobs["score"] == 32 && jobs["counted"] == 64)
    }
}
