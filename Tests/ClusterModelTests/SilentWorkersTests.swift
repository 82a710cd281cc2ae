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

    /// Work that waits, as for weights that no source holds any more, renews nothing by which it would hear of this.
    @Test func itIsToldAtOnceWhatOthersHave() throws {
        var (bench, grants) = try Self.silence()
        _ = bench.join(.generator, Self.second)
        #expect(RunBench.leases(bench.say(Self.second, .credit(slots: 2))).count == 2)
        let told = bench.say(RunBench.generator, .report(WorkerReport(state: "busy")))
        #expect(grants.allSatisfy { Self.isCancelled($0, in: told) })
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

    /// Time in which only the learner is heard.
    private static func waitInSilence(_ bench: inout RunBench, _ ticks: Int = 31) -> [Message] {
        var told: [Message] = []
        for _ in 0..<ticks {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            told += bench.pass(100).messages
        }
        return told
    }

    private static func queue(_ bench: RunBench) -> ClusterSnapshot.Queue? {
        var machine = bench.machine
        return machine.snapshot(at: bench.time).queue["generate"]
    }

    /// A step that is hit by two faults does not wait for the lease of the second worker.
    @Test func aJobIsHandedOnAgainFromWhomeverHasIt() throws {
        var (bench, grants) = try Self.silence()
        _ = bench.join(.generator, Self.second)
        #expect(RunBench.leases(bench.say(Self.second, .credit(slots: 2))).count == 2)
        #expect(Self.waitInSilence(&bench).isEmpty)
        let third = WorkerID(name: "i", incarnation: 1)
        _ = bench.join(.generator, third)
        let again = RunBench.leases(bench.say(third, .credit(slots: 2)))
        #expect(Set(again.map(\.job.id)) == Set(grants.map(\.job.id)) && again.allSatisfy { $0.attempt == 3 })
        // The first that is heard hands in what it has; nothing counts twice.
        for grant in grants { _ = bench.say(RunBench.generator, try RunBench.answer(grant)) }
        for grant in again { _ = bench.say(third, try RunBench.answer(grant)) }
        _ = bench.sync()
        #expect(Self.queue(bench)?.doneTotal == 2 && Self.queue(bench)?.duplicatesTotal == 2)
    }

    /// The first worker is well again when the second falls silent, and gets the job back as a new lease: it was called
    /// back meanwhile.
    @Test func aJobComesBackToOneThatIsHeardAgain() throws {
        var (bench, grants) = try Self.silence()
        _ = bench.join(.generator, Self.second)
        #expect(RunBench.leases(bench.say(Self.second, .credit(slots: 2))).count == 2)
        let called = bench.say(RunBench.generator, Self.renewal(grants))
        #expect(grants.allSatisfy { Self.isCancelled($0, in: called) })
        var told: [Message] = []
        for _ in 0..<31 {
            told += bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle)))
            told += Self.waitInSilence(&bench, 1)
        }
        let again = RunBench.leases(told)
        #expect(Set(again.map(\.job.id)) == Set(grants.map(\.job.id)) && again.allSatisfy { $0.attempt == 3 })
        // It falls silent itself, for a moment: what it had at first is not what it has now.
        #expect(Self.waitInSilence(&bench).isEmpty)
        #expect(bench.say(RunBench.generator, Self.renewal(again)).isEmpty)
    }

    /// A job that silences whoever has it comes to rest when it has gone to as many workers as there are.
    @Test func aJobIsNotHandedOnForEver() throws {
        var (bench, _) = try Self.silence()
        var handings = 0
        // Workers that were silent for so long are gone, so that three are here at most.
        for number in 0..<12 {
            let next = WorkerID(name: "v\(number)", incarnation: 1)
            _ = bench.join(.generator, next)
            let leases = RunBench.leases(bench.say(next, .credit(slots: 2)))
            if leases.isEmpty { break }
            handings += 1
            #expect(Self.waitInSilence(&bench).isEmpty)
            _ = bench.handle(.wish(.lost("v\(number - 1)", pid: 0, byItself: false)))
        }
        #expect((1...3).contains(handings))
        #expect(Self.queue(bench)?.leased == 2 && Self.queue(bench)?.pending == 0)
    }

    /// It lost the lease with its connection, and says so in HELLO: there is nothing to take back.
    @Test func oneThatGreetsAnewIsLeasedWhatItLost() throws {
        var (bench, grants) = try Self.silence()
        _ = bench.join(.generator, RunBench.generator)
        let again = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        #expect(Set(again.map(\.job.id)) == Set(grants.map(\.job.id)) && again.allSatisfy { $0.attempt == 2 })
    }

    /// The message of the lease was lost, and the connection holds: nobody waits for the end of the lease.
    @Test func oneThatDoesNothingHasLostItsLease() throws {
        var settings = RunBench.settings()
        settings.leaseMilliseconds = 60_000
        var bench = try RunBench(settings)
        let grants = try bench.begin()
        var told: [Message] = []
        for tick in 0..<40 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            told += bench.pass(100).messages
            let now = bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle)))
            // What it said before it can have got the lease says nothing.
            if tick < 25 { #expect(now.isEmpty) }
            told += now
        }
        let again = RunBench.leases(told)
        #expect(Set(again.map(\.job.id)) == Set(grants.map(\.job.id)) && again.allSatisfy { $0.attempt == 2 })
        // A worker of another maker may say that it is idle and work all the same.
        for _ in 0..<40 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            _ = bench.pass(100)
            #expect(bench.say(RunBench.generator, Self.renewal(again)).isEmpty)
            #expect(bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle))).isEmpty)
        }
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
