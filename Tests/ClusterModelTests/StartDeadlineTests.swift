import Testing

@testable import ClusterModel

/// `start: {workers, timeout_s}`.
@Suite struct StartDeadlineTests {
    private static let second = WorkerID(name: "h", incarnation: 1)

    private func settings(workers: Int, milliseconds: Int?) -> RunSettings {
        var settings = RunBench.settings()
        settings.startWorkers = workers
        settings.startMilliseconds = milliseconds
        return settings
    }

    private func ending(_ effects: [RunEffect]) -> RunEnding? {
        for case .end(let ending) in effects { return ending }
        return nil
    }

    @Test func noJobIsGivenOutBeforeEnoughWorkersAreHere() throws {
        var bench = try RunBench(settings(workers: 2, milliseconds: 60_000))
        bench.open()
        _ = bench.join(.generator, RunBench.generator)
        var leases = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        leases += RunBench.leases(bench.pass(1_000).messages)
        #expect(leases.isEmpty)
        let waits = bench.machine.snapshot(at: bench.time).waits
        let wait = try #require(waits.first { $0.what == "2 workers (start.workers)" })
        #expect(wait.remedy?.contains("1 here: g") == true)
        _ = bench.join(.generator, Self.second)
        leases += RunBench.leases(bench.say(Self.second, .credit(slots: 1)))
        leases += RunBench.leases(bench.pass(200).messages)
        #expect(!leases.isEmpty)
    }

    @Test func aStartThatTakesTooLongEndsWithWhoIsMissing() throws {
        var bench = try RunBench(settings(workers: 2, milliseconds: 20_000))
        bench.open()
        _ = bench.join(.generator, RunBench.generator)
        var effects: [RunEffect] = []
        for _ in 0..<19 {
            _ = bench.say(RunBench.generator, .credit(slots: 1))
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            effects += bench.pass(1_000)
        }
        #expect(bench.machine.state == .running)
        for _ in 0..<10 where ending(effects) == nil {
            _ = bench.say(RunBench.generator, .credit(slots: 1))
            effects += bench.pass(1_000)
        }
        let last = try #require(ending(effects))
        #expect(last.exitCode == 75)
        #expect(
            last.message.contains("waited 20 s (start.timeout_s) for 2 workers") && last.message.contains("1 here: g"))
    }

    /// The grace is for those that die; a start that a scheduler places may take longer.
    @Test func theStartHasItsOwnPatienceAndTheGraceCountsBehindIt() throws {
        var bench = try RunBench(settings(workers: 0, milliseconds: 60_000))
        bench.open()
        for _ in 0..<30 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            _ = bench.pass(1_000)
        }
        #expect(bench.machine.state == .running, "nobody has come for six times the grace")
        _ = bench.join(.generator, RunBench.generator)
        _ = bench.say(RunBench.generator, .credit(slots: 2))
        _ = bench.pass(500)
        _ = bench.say(RunBench.generator, .bye(reason: "gone"))
        var effects: [RunEffect] = []
        for _ in 0..<16 where ending(effects) == nil {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            effects += bench.pass(1_000)
        }
        #expect(ending(effects)?.message.contains("waited 5 s (coordinator.grace_s) for a generator") == true)
    }

    @Test func aRunThatHasMadeStepsWaitsForNobodyInParticular() throws {
        var recovered = RecoveredRun()
        recovered.committedSteps = 1
        recovered.manifests = [RunBench.policy, RunBench.manifest(1)]
        var bench = try RunBench(settings(workers: 9, milliseconds: 60_000), recovered: recovered)
        bench.open()
        _ = bench.join(.generator, RunBench.generator)
        var leases = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        leases += RunBench.leases(bench.pass(500).messages)
        #expect(!leases.isEmpty)
    }
}
