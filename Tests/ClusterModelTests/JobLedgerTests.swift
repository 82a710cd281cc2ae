import ClusterModel
import Testing

/// Thousands of random schedules: workers die, results come late, twice or after the lease is gone. Each job counts once.
@Suite struct JobLedgerTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    @Test(arguments: 0..<200) func everyJobCountsOnce(seed: Int) {
        var random = Random(state: UInt64(seed) &+ 99)
        var ledger = JobLedger(retriesAllowed: 1000)
        let jobs = (0..<20).map { JobID(step: 0, index: $0, kind: .generate) }
        for job in jobs { ledger.add(job) }
        let queue = JobLedger.Queue(kind: .generate, part: 0)
        let workers = (0..<4).map { WorkerID(name: "w\($0)", incarnation: 1) }
        var flights: [(JobID, WorkerID, Int)] = []
        var counted: [JobID: Int] = [:]
        var now: Int64 = 0
        while counted.count < jobs.count {
            now += 1
            #expect(now < 100_000, "the ledger never finishes")
            guard now < 100_000 else { return }
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let worker = workers.randomElement(using: &random) ?? workers[0]
                if let lease = ledger.lease(from: queue, to: worker, deadline: now + 10, now: now) {
                    flights.append((lease.job, worker, lease.attempt))
                }
            case 2:
                guard let flight = flights.randomElement(using: &random) else { continue }
                // Delivered, and perhaps delivered again later: the flight stays.
                if ledger.complete(flight.0, by: flight.1).0 == .accepted { counted[flight.0, default: 0] += 1 }
            case 3: _ = ledger.expire(now: now)
            case 4: _ = ledger.release(workers.randomElement(using: &random) ?? workers[0])
            default:
                guard let flight = flights.randomElement(using: &random) else { continue }
                _ = ledger.fail(flight.0, attempt: flight.2, by: flight.1, retryable: true)
            }
        }
        #expect(counted.values.allSatisfy { $0 == 1 })
        #expect(ledger.completedTotal[.generate] == jobs.count)
        #expect(ledger.retrying(.generate) == 0 && ledger.pendingCount(queue) == 0)
    }

    @Test func aJobThatCannotBeRetriedFailsAtOnce() throws {
        var ledger = JobLedger(retriesAllowed: 3)
        let job = JobID(step: 1, index: 0, kind: .score)
        ledger.add(job)
        let worker = WorkerID(name: "s", incarnation: 7)
        let leased = ledger.lease(from: JobLedger.Queue(job), to: worker, deadline: 10, now: 0)
        let lease = try #require(leased)
        #expect(ledger.fail(job, attempt: lease.attempt, by: worker, retryable: false) == .exhausted)
        #expect(ledger.complete(job, by: worker).0 == .duplicate)
    }

    /// After a restart the journal's results come when the jobs are pending already.
    @Test func whatTheJournalHasIsNotLeasedAgain() {
        var ledger = JobLedger(retriesAllowed: 3)
        let jobs = (0..<3).map { JobID(step: 0, index: $0, kind: .generate) }
        for job in jobs { ledger.add(job) }
        ledger.restoreCompleted(jobs[0])
        ledger.restoreCompleted(jobs[2])
        let queue = JobLedger.Queue(jobs[0])
        let worker = WorkerID(name: "g", incarnation: 1)
        #expect(ledger.pendingCount(queue) == 1)
        #expect(ledger.lease(from: queue, to: worker, deadline: 10, now: 0)?.job == jobs[1])
        #expect(ledger.lease(from: queue, to: worker, deadline: 10, now: 0) == nil)
    }

    /// A lease on a job that another worker's late result has made needless must not take the worker's slot for ever.
    @Test func aCommittedStepFreesItsLeases() {
        var ledger = JobLedger(retriesAllowed: 3)
        let jobs = (0..<2).map { JobID(step: 0, index: $0, kind: .generate) }
        for job in jobs { ledger.add(job) }
        let worker = WorkerID(name: "g", incarnation: 1)
        _ = ledger.lease(from: JobLedger.Queue(jobs[0]), to: worker, deadline: 10, now: 0)
        ledger.forget(jobs)
        #expect(ledger.leases(of: worker).isEmpty)
        #expect(ledger.pendingCount(.generate) == 0 && ledger.leasedCount(.generate) == 0)
        #expect(ledger.complete(jobs[0], by: WorkerID(name: "w", incarnation: 1)).0 == .stale)
    }

    @Test func promptsDependOnTheSeedAlone() {
        let a = DatasetCursor(rows: 10, promptsPerStep: 4, seed: 3)
        #expect(
            (0..<5).map { a.places(of: $0) }
                == (0..<5).map { DatasetCursor(rows: 10, promptsPerStep: 4, seed: 3).places(of: $0) })
        #expect(Set((0..<5).flatMap { a.places(of: $0).map(\.row) }.prefix(10)) == Set(0..<10))
        #expect(a.places(of: 0) != DatasetCursor(rows: 10, promptsPerStep: 4, seed: 4).places(of: 0))
    }

    @Test func versionsOfTheSchedule() {
        #expect(Schedule.sync.version(for: 5) == 5)
        #expect((0..<4).map { Schedule.lag(2).version(for: $0) } == [0, 0, 0, 1])
    }
}
