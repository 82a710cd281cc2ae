import ClusterModel
import Testing

/// A worker that says nothing for a moment holds nobody up, and loses nothing when it is heard again in time.
@Suite struct SilentWorkersTests {
    private static let second = WorkerID(name: "h", incarnation: 1)

    /// A run with a generator that has two jobs, and has said nothing for longer than the doubt.
    private static func silence() throws -> (bench: RunBench, grants: [Grant]) {
        var settings = RunBench.settings()
        settings.leaseMilliseconds = 60_000
        var bench = try RunBench(settings)
        let grants = try bench.begin()
        for _ in 0..<31 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            #expect(bench.pass(100).messages.isEmpty)
        }
        return (bench, grants)
    }

    private static func renewal(_ grants: [Grant]) -> Message {
        .renewal(grants.map { RenewedJob(job: $0.job.id, attempt: $0.attempt, tokens: 1) })
    }

    private static func isCancelled(_ grant: Grant, in messages: [Message]) -> Bool {
        messages.contains { if case .cancel(grant.job.id, grant.attempt, _) = $0 { true } else { false } }
    }

    @Test func itsJobsGoToOthersAndTheFirstResultCounts() throws {
        var (bench, grants) = try Self.silence()
        _ = bench.join(.generator, Self.second)
        let handedOn = RunBench.leases(bench.say(Self.second, .credit(slots: 2)))
        #expect(Set(handedOn.map(\.job.id)) == Set(grants.map(\.job.id)))
        #expect(handedOn.allSatisfy { $0.attempt == 2 })
        // No failure of anybody's.
        #expect(bench.machine.snapshot(at: bench.time).queue["generate"]?.retriesTotal == 0)
        // It comes back with one result, and goes on with the other job, which is somebody else's now.
        _ = bench.say(RunBench.generator, try RunBench.answer(grants[0]))
        let told = bench.say(RunBench.generator, Self.renewal([grants[1]]))
        #expect(Self.isCancelled(grants[1], in: told))
        for grant in handedOn { _ = bench.say(Self.second, try RunBench.answer(grant)) }
        _ = bench.sync()
        let queue = bench.machine.snapshot(at: bench.time).queue["generate"]
        #expect(queue?.doneTotal == 2 && bench.machine.state == .running)
    }

    @Test func itKeepsWhatNobodyHasTaken() throws {
        var (bench, grants) = try Self.silence()
        let told = bench.say(RunBench.generator, Self.renewal(grants))
        #expect(told.isEmpty)
        let queue = bench.machine.snapshot(at: bench.time).queue["generate"]
        #expect(queue?.leased == 2 && queue?.pending == 0)
        // Of an earlier attempt, it has nothing to keep.
        let other = bench.say(RunBench.generator, .renewal([RenewedJob(job: grants[0].job.id, attempt: 7, tokens: 1)]))
        #expect(other.count == 1)
    }

    /// It is heard again, but has not renewed yet: it is not leased a second time what it works at.
    @Test func itIsNotLeasedItsOwnJobsAgain() throws {
        var (bench, grants) = try Self.silence()
        let told = bench.say(RunBench.generator, .report(WorkerReport(state: "busy")))
        #expect(RunBench.leases(told).isEmpty)
        let renewed = bench.say(RunBench.generator, Self.renewal(grants))
        #expect(renewed.isEmpty)
    }

    /// A job that silences whoever has it may not silence everybody within seconds.
    @Test func aJobIsHandedOnOnce() throws {
        var (bench, _) = try Self.silence()
        _ = bench.join(.generator, Self.second)
        #expect(RunBench.leases(bench.say(Self.second, .credit(slots: 2))).count == 2)
        for _ in 0..<31 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            #expect(bench.pass(100).messages.isEmpty)
        }
        let third = WorkerID(name: "i", incarnation: 1)
        _ = bench.join(.generator, third)
        #expect(RunBench.leases(bench.say(third, .credit(slots: 2))).isEmpty)
        let queue = bench.machine.snapshot(at: bench.time).queue["generate"]
        #expect(queue?.leased == 2 && queue?.pending == 0)
    }

    /// What silenced three workers for good is named, though each time the job had gone on to somebody else.
    @Test func whatItWorkedAtIsStillBlamed() throws {
        var (bench, grants) = try Self.silence()
        var poisoned: [RunEffect] = []
        for number in 0..<3 {
            let worker = number == 0 ? RunBench.generator : WorkerID(name: "v\(number)", incarnation: 1)
            if number > 0 {
                _ = bench.join(.generator, worker, pid: number)
                let leases = RunBench.leases(bench.say(worker, .credit(slots: 1)))
                #expect(leases.map(\.job.id) == [grants[0].job.id])
            }
            let effects = bench.handle(.wish(.lost(worker.name, pid: number == 0 ? 0 : number, byItself: true)))
            poisoned += effects
        }
        #expect(bench.machine.state == .failed)
    }
}
