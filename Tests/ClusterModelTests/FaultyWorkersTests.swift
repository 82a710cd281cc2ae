import ClusterModel
import Foundation
import Testing

/// What one worker's faults may cost: never a run that another worker could go on with.
@Suite struct FaultyWorkersTests {
    private static let second = WorkerID(name: "h", incarnation: 1)

    private static func failure(_ grant: Grant, retryable: Bool) -> Message {
        .result(
            grant.job.id, attempt: grant.attempt,
            .failed(code: "memory", message: "out of memory", retryable: retryable))
    }

    /// A job goes to another worker before it comes back to the one that failed at it, whether or not that one believes that
    /// trying again helps.
    @Test(arguments: [true, false]) func oneBrokenWorkerDoesNotEndTheRun(retryable: Bool) throws {
        var bench = try RunBench()
        let grants = try bench.begin()
        _ = bench.join(.generator, Self.second)
        var failed: Set<JobID> = []
        for grant in grants {
            let told = bench.say(RunBench.generator, Self.failure(grant, retryable: retryable))
            #expect(RunBench.leases(told).isEmpty)
            failed.insert(grant.job.id)
        }
        _ = bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle)))
        let again = RunBench.leases(bench.say(Self.second, .credit(slots: 2)))
        #expect(Set(again.map(\.job.id)) == failed)
        for grant in again { _ = bench.say(Self.second, try RunBench.answer(grant)) }
        #expect(bench.machine.state == .running)
    }

    /// Who started a worker has seen its process end: nobody waits for the end of a lease, and nobody else is hit.
    @Test func aWorkerWhoseEndWasSeenIsLostAtOnce() throws {
        var bench = try RunBench()
        bench.open()
        _ = bench.join(.generator, RunBench.generator, pid: 7)
        let grants = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        _ = bench.join(.generator, Self.second, pid: 8)
        _ = bench.say(Self.second, .credit(slots: 2))
        // Another process of that name, and one that was never here.
        let others =
            bench.handle(.wish(.lost("g", pid: 6, byItself: true)))
            + bench.handle(.wish(.lost("x", pid: 7, byItself: true)))
        #expect(others.messages.isEmpty)
        let told = RunBench.leases(bench.handle(.wish(.lost("g", pid: 7, byItself: true))).messages)
        #expect(Set(told.map(\.job.id)) == Set(grants.map(\.job.id)))
        #expect(told.allSatisfy { $0.attempt == 2 })
        let answer = try RunBench.answer(grants[0])
        guard case .refused(code: "hello", _)? = bench.say(RunBench.generator, answer).first
        else {
            Issue.record("a process that has ended is listened to")
            return
        }
        #expect(!bench.machine.knows("g") && bench.machine.state == .running)
        var snapshot = bench.machine
        let lost = snapshot.snapshot(at: bench.time).workers["generator"]?.lostTotal
        #expect(lost == 1)
        for entry in bench.persisted {
            if case .event(kind: "lost", let detail) = entry {
                #expect(detail == "g#0000000000000001: its process has ended")
            }
        }
        let again = bench.handle(.wish(.lost("g", pid: 7, byItself: true)))
        #expect(again.messages.isEmpty)
    }

    /// A successor that has joined already is not hit by the news of the process before it.
    @Test func theNewsOfADeathDoesNotHitTheSuccessor() throws {
        var bench = try RunBench()
        _ = bench.join(.generator, RunBench.generator, pid: 7)
        _ = bench.takeOver(.generator, WorkerID(name: "g", incarnation: 2), pid: 9)
        _ = bench.handle(.wish(.lost("g", pid: 7, byItself: true)))
        #expect(bench.machine.knows("g"))
    }

    /// Deaths that were seen are no sign of a broken network, however many there are.
    @Test func deathsThatWereSeenRaiseNoAlarm() throws {
        var bench = try RunBench()
        for number in 1...4 {
            _ = bench.join(.generator, WorkerID(name: "g\(number)", incarnation: 1), pid: number)
        }
        for number in 1...4 { _ = bench.handle(.wish(.lost("g\(number)", pid: number, byItself: true))) }
        var machine = bench.machine
        let alarms = machine.snapshot(at: bench.time).alarms
        #expect(alarms.isEmpty)
    }

    /// When nobody is left, what the only worker takes for hopeless is so.
    @Test func aFailureThatTryingCannotMendEndsTheRun() throws {
        var bench = try RunBench()
        let grants = try bench.begin()
        _ = bench.say(RunBench.generator, Self.failure(grants[0], retryable: false))
        #expect(bench.machine.state == .failed)
    }

    /// The only worker gets its jobs again, until the retries are used up.
    @Test func theOnlyWorkerMayTryAgain() throws {
        var settings = RunBench.settings()
        settings.retries = 2
        var bench = try RunBench(settings)
        var next = try bench.begin()
        for _ in 0..<2 {
            for grant in next { _ = bench.say(RunBench.generator, Self.failure(grant, retryable: true)) }
            next = RunBench.leases(bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle))))
            #expect(next.count == 2)
        }
        #expect(bench.machine.state == .running)
        for grant in next { _ = bench.say(RunBench.generator, Self.failure(grant, retryable: true)) }
        #expect(bench.machine.state == .failed)
    }

    /// A worker of another maker may never say that it is idle.
    @Test func aWorkerThatFailedIsNotForgotten() throws {
        var bench = try RunBench()
        for grant in try bench.begin() { _ = bench.say(RunBench.generator, Self.failure(grant, retryable: true)) }
        _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
        let effects = bench.pass(1_900)
        #expect(RunBench.leases(effects.messages).isEmpty)
        _ = bench.say(RunBench.generator, .credit(slots: 2))
        _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
        #expect(RunBench.leases(bench.pass(300).messages).count == 2)
    }

    /// Weights that nobody serves, because the learner is away, cost a job nothing: the learner has a limit of its own.
    @Test func aPullWithoutALearnerCostsNoAttempt() throws {
        var settings = RunBench.settings()
        settings.retries = 1
        var bench = try RunBench(settings)
        var next = try bench.begin()
        _ = bench.say(RunBench.learner, .bye(reason: "killed"))
        for _ in 0..<5 {
            for grant in next {
                let outcome = JobOutcome.failed(code: JobOutcome.unserved, message: "no source", retryable: true)
                _ = bench.say(RunBench.generator, .result(grant.job.id, attempt: grant.attempt, outcome))
            }
            next = RunBench.leases(bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle))))
            #expect(next.count == 2)
        }
        #expect(bench.machine.state == .running)
    }

    /// Every process that takes the job dies, and is started again.
    @Test func aJobThatKillsItsWorkersIsNamed() throws {
        var settings = RunBench.settings()
        settings.promptsPerJob = 2
        var bench = try RunBench(settings)
        _ = try bench.begin()
        _ = bench.join(.learner, RunBench.learner)
        var ending: RunEnding?
        for incarnation in 2...5 where ending == nil {
            _ = bench.pass(200)
            let worker = WorkerID(name: "g", incarnation: UInt64(incarnation))
            let told = bench.takeOver(.generator, worker)
            for case .stop(let reason, let code) in told { ending = RunEnding(reason, exitCode: Int32(code)) }
            if ending == nil { #expect(!RunBench.leases(bench.say(worker, .credit(slots: 1))).isEmpty) }
        }
        let text = try #require(ending).message
        #expect(text.contains("generate/0/0") && text.contains("3 workers") && text.contains("on g"))
    }

    /// A worker that takes a job, does nothing, and says that it is idle when the job is called back: for ever, if nobody
    /// counts.
    @Test func aJobThatNeverGetsAnywhereEndsTheRun() throws {
        var settings = RunBench.settings()
        settings.promptsPerJob = 2
        settings.retries = 3
        var bench = try RunBench(settings)
        _ = try bench.begin()
        var leases = 1
        for _ in 0..<400 where bench.machine.state == .running {
            let told = bench.pass(100).messages
            leases += RunBench.leases(told).count
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            leases +=
                RunBench.leases(bench.say(RunBench.generator, .report(WorkerReport(state: WorkerReport.idle)))).count
        }
        // As often its lease may have been lost on its way.
        #expect(bench.machine.state == .failed && leases == 3 + 4)
    }

    /// As long as there is somebody else, a job whose lease ran out does not go back to where it got nowhere.
    @Test func aLeaseThatRanOutGoesToSomebodyElse() throws {
        var settings = RunBench.settings()
        settings.promptsPerJob = 2
        var bench = try RunBench(settings)
        _ = try bench.begin()
        let other = WorkerID(name: "h", incarnation: 1)
        _ = bench.join(.generator, other)
        _ = bench.say(other, .credit(slots: 1))
        var next: [WorkerID] = []
        for _ in 0..<70 where next.isEmpty {
            for case .send(let messages) in bench.pass(100) {
                next += messages.compactMap { if case .lease = $0.message { $0.peer } else { nil } }
            }
            // Both hear of the call and say at once that they are idle.
            for worker in [RunBench.generator, other] {
                let incoming = Incoming(
                    peer: worker, message: .report(WorkerReport(state: WorkerReport.idle)), epoch: bench.machine.epoch)
                for case .send(let messages) in bench.handle(.messages([incoming])) {
                    next += messages.compactMap { if case .lease = $0.message { $0.peer } else { nil } }
                }
            }
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
        }
        #expect(next == [other])
    }

    /// Whom the operator or the system ends has died of no job.
    @Test(arguments: [true, false]) func onlyWhoFailsByItselfBlamesItsJob(byItself: Bool) throws {
        var settings = RunBench.settings()
        settings.promptsPerJob = 2
        var bench = try RunBench(settings)
        bench.open()
        for incarnation in 1...4 {
            let worker = WorkerID(name: "g", incarnation: UInt64(incarnation))
            _ = bench.pass(200)
            _ = bench.join(.generator, worker, pid: incarnation)
            _ = bench.say(worker, .credit(slots: 1))
            _ = bench.handle(.wish(.lost("g", pid: incarnation, byItself: byItself)))
        }
        #expect((bench.machine.state == .failed) == byItself)
    }

    /// What only waited behind the job that kills is neither named nor skipped.
    @Test func aJobThatWaitsBehindPoisonIsNotBlamed() throws {
        var settings = RunBench.settings()
        settings.skipsPoison = true
        settings.prompts = (0..<3).map { Prompt(row: $0, text: "p\($0)", tokens: [1]) }
        settings.promptsPerStep = 3
        var bench = try RunBench(settings)
        bench.open()
        for incarnation in 1...4 {
            let worker = WorkerID(name: "g", incarnation: UInt64(incarnation))
            _ = bench.pass(200)
            _ = bench.takeOver(.generator, worker)
            let jobs = RunBench.leases(bench.say(worker, .credit(slots: 2))).map(\.job.id.index)
            #expect(jobs == (incarnation < 4 ? [0, 1] : [1, 2]))
        }
        #expect(bench.persisted.count { if case .meta("skipped 0 0", _) = $0 { true } else { false } } == 1)
        #expect(!bench.persisted.contains { if case .meta("skipped 0 1", _) = $0 { true } else { false } })
    }

    /// The last job of a step is not skipped: nothing would be left to learn from.
    @Test func aStepIsNeverSkippedWhole() throws {
        var settings = RunBench.settings()
        settings.skipsPoison = true
        var bench = try RunBench(settings)
        bench.open()
        for incarnation in 1...7 {
            _ = bench.pass(200)
            let worker = WorkerID(name: "g", incarnation: UInt64(incarnation))
            _ = bench.takeOver(.generator, worker)
            _ = bench.say(worker, .credit(slots: 1))
        }
        #expect(bench.machine.state == .failed)
        #expect(
            bench.persisted.count { if case .meta(let key, _) = $0 { key.hasPrefix("skipped") } else { false } } == 1)
    }

    /// Where the run file says so, the batch goes on without it, and so does a coordinator that is started again.
    @Test func aJobThatKillsItsWorkersIsSkipped() throws {
        var settings = RunBench.settings()
        settings.skipsPoison = true
        var bench = try RunBench(settings)
        bench.open()
        var worker = RunBench.generator
        var next: [Grant] = []
        for incarnation in 1...4 {
            worker = WorkerID(name: "g", incarnation: UInt64(incarnation))
            _ = bench.pass(200)
            _ = bench.takeOver(.generator, worker)
            next = RunBench.leases(bench.say(worker, .credit(slots: 1)))
            #expect(next.first?.job.id.index == (incarnation < 4 ? 0 : 1))
        }
        #expect(bench.machine.snapshot(at: bench.time).alarms.map(\.code) == ["poison"])
        // What comes of it after all is too late.
        let late = try RunBench.answer(try #require(next.first), version: 0)
        guard case .result(_, _, let outcome) = late else { throw CancellationError() }
        let told = bench.say(worker, .result(JobID(step: 0, index: 0, kind: .generate), attempt: 3, outcome))
        #expect(
            told.contains {
                if case .resultAck(let acks) = $0 { acks.allSatisfy { $0.status == .stale } } else { false }
            })
        _ = bench.say(worker, late)
        _ = bench.sync()
        func batch(_ bench: inout RunBench) -> [Int]? {
            for message in bench.say(RunBench.learner, .batchRequest(step: 0), id: 5) {
                if case .batchReady = message {
                    let answer = bench.say(RunBench.learner, .fetchJobs(step: 0, first: 0), id: 6).first
                    guard case .batchJobs(_, _, let jobs) = answer else { return nil }
                    return jobs.map(\.trajectories.count)
                }
            }
            return nil
        }
        #expect(batch(&bench) == [0, 1])

        var recovered = RecoveredRun()
        recovered.epoch = 2
        recovered.manifests = [RunBench.policy]
        for entry in bench.persisted {
            switch entry {
            case .meta(let key, let value): recovered.meta[key] = value
            case .result(let job, _, _, .trajectories(let items), _): recovered.trajectories[job] = items
            default: break
            }
        }
        var again = try RunBench(settings, recovered: recovered)
        _ = again.join(.learner, RunBench.learner)
        #expect(batch(&again) == [0, 1])
    }

    /// A network that is cut takes many workers at once, and again, and blames no job.
    @Test func aPartitionPoisonsNothing() throws {
        var bench = try RunBench()
        _ = try bench.begin()
        for round in 0..<5 {
            for number in 0..<4 {
                let worker = WorkerID(name: "w\(number)", incarnation: UInt64(round + 1))
                _ = bench.join(.generator, worker)
                _ = bench.say(worker, .credit(slots: 2))
            }
            for _ in 0..<30 {
                _ = bench.pass(100)
                _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            }
            #expect(bench.machine.snapshot(at: bench.time).workers["generator"]?.ready == 0)
        }
        #expect(bench.machine.state == .running)
        #expect(bench.machine.snapshot(at: bench.time).alarms.map(\.code) == ["workers_lost"])
    }

    @Test func aTokenOutsideTheVocabularyIsRefused() throws {
        var settings = RunBench.settings()
        settings.vocabulary = 7
        var bench = try RunBench(settings)
        let grant = try #require(try bench.begin().first)
        let told = bench.say(RunBench.generator, try RunBench.answer(grant))
        #expect(told.contains { if case .resultAck(let acks) = $0 { acks.first?.status == .stale } else { false } })
        #expect(!bench.persisted.contains { if case .result = $0 { true } else { false } })
    }

    /// Nobody hands in what it cannot do, or holds what it was never given.
    @Test func aWorkerDoesOnlyWhatItSaidItCan() throws {
        var bench = try RunBench()
        let grant = try #require(try bench.begin().first)
        let scorer = WorkerID(name: "s", incarnation: 1)
        let greeting = Message.hello(
            Hello(
                role: .scorer, name: "s", incarnation: 1, capabilities: Capabilities(kinds: [.score]),
                heldJobs: [HeldJob(job: JobID(step: 0, index: 1, kind: .generate), attempt: 1, finished: false)]))
        #expect(bench.say(scorer, greeting).contains { if case .cancel = $0 { true } else { false } })
        let told = bench.say(scorer, try RunBench.answer(grant))
        #expect(told.contains { if case .resultAck(let acks) = $0 { acks.first?.status == .stale } else { false } })
        #expect(bench.machine.snapshot(at: 0).queue["generate"]?.doneTotal == 0)
    }

    /// An attempt of four billion would be clamped on the wire, and no renewal would ever match.
    @Test func aHeldLeaseOfAnAbsurdAttemptIsNotAdopted() throws {
        var bench = try RunBench()
        bench.open()
        let held = HeldJob(job: JobID(step: 0, index: 0, kind: .generate), attempt: Int(UInt32.max), finished: false)
        let hello = Hello(
            role: .generator, name: "g", incarnation: 1, capabilities: Capabilities(kinds: [.generate]),
            heldJobs: [held])
        _ = bench.say(RunBench.generator, .hello(hello))
        let grants = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        #expect(grants.map(\.attempt) == [1, 1])
    }

    /// Two learners would write the same checkpoints.
    @Test func thereIsOneLearner() throws {
        var bench = try RunBench()
        _ = try bench.begin()
        _ = bench.takeOver(.learner, WorkerID(name: "other", incarnation: 1))
        guard case .refused(code: "hello", _)? = bench.say(RunBench.learner, .batchRequest(step: 0)).first,
            case .refused(code: "replaced", _)? = bench.join(.learner, RunBench.learner).first
        else {
            Issue.record("the first one is still listened to")
            return
        }
    }

    /// A learner that was away while the run was resumed hears of it.
    @Test func welcomeSaysWhetherTheLearnerGoesOn() throws {
        var bench = try RunBench()
        _ = try bench.begin()
        _ = bench.handle(.wish(.pause(true)))
        func said(_ messages: [Message]) -> [Bool] {
            messages.compactMap { if case .pause(let paused) = $0 { paused } else { nil } }
        }
        #expect(said(bench.join(.learner, RunBench.learner)) == [true])
        _ = bench.handle(.wish(.pause(false)))
        #expect(said(bench.join(.learner, RunBench.learner)) == [false])
    }

    /// What the operator wished outlives the coordinator, as long as the run file says what it said.
    @Test func aScaleSurvivesARestart() throws {
        var settings = RunBench.settings()
        settings.desired = [.generator: 2]
        var bench = try RunBench(settings)
        _ = bench.handle(.wish(.scale([.generator: 5])))
        var recovered = RecoveredRun()
        for case .meta(let key, let value) in bench.persisted { recovered.meta[key] = value }
        #expect(try RunBench(settings, recovered: recovered).machine.snapshotOfDesired == 5)
        settings.desired = [.generator: 3]
        #expect(try RunBench(settings, recovered: recovered).machine.snapshotOfDesired == 3)
    }

    /// The coordinator died between the learner's last word and its own end.
    @Test func anExportedRunIsOverAtItsNextStart() throws {
        var recovered = RecoveredRun()
        recovered.committedSteps = 2
        recovered.meta = ["exported": "2"]
        recovered.manifests = [RunBench.policy]
        var bench = try RunBench(recovered: recovered)
        let effects = bench.pass(200)
        #expect(effects.contains { if case .end(nil) = $0 { true } else { false } })
        // Somebody has removed it since: a learner exports it again.
        var settings = RunBench.settings()
        settings.isExported = false
        var other = try RunBench(settings, recovered: recovered)
        #expect(other.pass(200).isEmpty)
    }

    /// Where the learner is stuck, or the disk, the status says so.
    @Test func everyWaitHasAName() throws {
        var bench = try RunBench()
        let grants = try bench.begin()
        _ = bench.say(RunBench.learner, .report(WorkerReport(state: "update")))
        func waits() -> [String] { bench.machine.snapshot(at: bench.time).waits.map(\.what) }
        #expect(waits() == ["the learner: update"])
        _ = bench.say(RunBench.learner, .batchRequest(step: 1))
        #expect(waits() == ["version 1 of the policy, for step 2"])
        _ = bench.say(RunBench.generator, try RunBench.answer(grants[0]))
        _ = bench.pass(2_000)
        #expect(waits().contains("the disk of the journal"))
    }
}

extension RunMachine {
    fileprivate var snapshotOfDesired: Int? {
        var machine = self
        return machine.snapshot(at: 0).workers["generator"]?.desired
    }
}

@Suite struct LearnerPauseTests {
    /// A "resume" that was said before the coordinator knew of the guard's wish does not count.
    @Test func theGuardsWishOutlastsAnEarlierResume() {
        var pause = LearnerPause()
        pause.ask("drift")
        #expect(!pause.said(false) && pause.isPaused && pause.wish == "drift")
        #expect(!pause.said(true) && pause.isPaused && pause.wish == nil)
        #expect(pause.said(false) && !pause.isPaused)
    }
}
