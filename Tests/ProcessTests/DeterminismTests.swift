import Foundation
import Testing

/// The same policy to the bit, whoever computes it and whoever dies on the way.
@Suite(.serialized) struct DeterminismTests {
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
