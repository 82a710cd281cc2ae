import ClusterModel
import Testing

/// Two processes under one name: which of them stays.
@Suite struct ClaimsTests {
    private static let second = WorkerID(name: "g", incarnation: 2)

    private static func bench(_ lease: Int) throws -> RunBench {
        var settings = RunBench.settings()
        settings.leaseMilliseconds = lease
        return try RunBench(settings)
    }

    private static func refusals(_ effects: [RunEffect], of id: WorkerID) -> [String] {
        effects.flatMap { effect -> [String] in
            guard case .send(let outgoing) = effect else { return [] }
            return outgoing.compactMap { item in
                guard item.peer == id, case .refused(code: "taken", let text) = item.message else { return nil }
                return text
            }
        }
    }

    /// A worker that was given the name of another does not push it out.
    @Test func whoIsAliveKeepsItsName() throws {
        var bench = try Self.bench(60_000)
        bench.open()
        _ = bench.join(.generator, RunBench.generator, pid: 7)
        let grants = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        #expect(bench.join(.generator, Self.second, pid: 8).isEmpty)
        var said: [String] = []
        for _ in 0..<4 {
            _ = bench.say(RunBench.generator, .report(WorkerReport(state: "busy")))
            said += Self.refusals(bench.pass(1_000), of: Self.second)
        }
        #expect(said.count == 1 && said[0].contains("process 7") && said[0].contains("--name"))
        for grant in grants { _ = bench.say(RunBench.generator, try RunBench.answer(grant)) }
        _ = bench.sync()
        #expect(bench.machine.snapshot(at: bench.time).queue["generate"]?.doneTotal == 2)
    }

    /// The successor of a worker that died without a word has its name, and its jobs, within seconds.
    @Test func whoIsSilentLosesIt() throws {
        var bench = try Self.bench(60_000)
        bench.open()
        _ = bench.join(.generator, RunBench.generator)
        let grants = RunBench.leases(bench.say(RunBench.generator, .credit(slots: 2)))
        bench.time += 500
        #expect(bench.join(.generator, Self.second).isEmpty)
        let effects = bench.pass(3_000)
        #expect(effects.messages.contains { if case .welcome = $0 { true } else { false } })
        let again = RunBench.leases(bench.say(Self.second, .credit(slots: 2)))
        #expect(Set(again.map(\.job.id)) == Set(grants.map(\.job.id)))
    }

    /// Of two successors, the one that has died meanwhile does not keep the living one out.
    @Test(arguments: [2, 4]) func aDeadSuccessorIsNoHindrance(dead: UInt64) throws {
        var bench = try Self.bench(60_000)
        bench.open()
        _ = bench.join(.generator, RunBench.generator)
        bench.time += 300
        #expect(bench.join(.generator, WorkerID(name: "g", incarnation: dead)).isEmpty)
        bench.time += 700
        let living = WorkerID(name: "g", incarnation: 3)
        #expect(bench.join(.generator, living).isEmpty)
        var welcomed: Set<WorkerID> = []
        for _ in 0..<4 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            let effects = bench.pass(1_000)
            #expect(Self.refusals(effects, of: living).isEmpty)
            for case .send(let outgoing) in effects {
                for item in outgoing { if case .welcome = item.message { welcomed.insert(item.peer) } }
            }
            if !welcomed.contains(living) { _ = bench.join(.generator, living) }
        }
        #expect(welcomed.contains(living))
    }

    /// One whose end was seen leaves its name at once.
    @Test func whoseEndWasSeenLosesItAtOnce() throws {
        var bench = try Self.bench(60_000)
        bench.open()
        _ = bench.join(.generator, RunBench.generator, pid: 7)
        #expect(bench.join(.generator, Self.second).isEmpty)
        _ = bench.handle(.wish(.lost("g", pid: 7, byItself: false)))
        #expect(bench.pass(100).messages.contains { if case .welcome = $0 { true } else { false } })
    }

    /// A run has one learner, whatever they are called.
    @Test func aSecondLearnerIsRefused() throws {
        var bench = try Self.bench(60_000)
        bench.open()
        let other = WorkerID(name: "another", incarnation: 3)
        _ = bench.join(.learner, other)
        var said: [String] = []
        for _ in 0..<4 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            said += Self.refusals(bench.pass(1_000), of: other)
        }
        #expect(said.count == 1 && said[0].contains("has a learner already"))
    }

    /// Nobody has scaled the run to none by mistake: it waits, and says with what it goes on.
    @Test func aRunThatIsScaledToNoneWaits() throws {
        var settings = RunBench.settings()
        settings.desired = [.generator: 2]
        settings.runDirectory = "runs/x"
        var bench = try RunBench(settings)
        bench.open()
        _ = bench.handle(.wish(.scale([.generator: 0])))
        for _ in 0..<100 {
            _ = bench.say(RunBench.learner, .report(WorkerReport(state: "wait")))
            _ = bench.pass(100)
        }
        let waits = bench.machine.snapshot(at: bench.time).waits
        #expect(bench.machine.state == .running)
        #expect(waits.contains { $0.remedy?.hasSuffix("skein scale generator=1 --run runs/x") == true })
        // What is not wanted any more comes not back when the run file has changed in between.
        var recovered = RecoveredRun()
        for case .meta(let key, let value) in bench.persisted { recovered.meta[key] = value }
        settings.desired = [.generator: 1]
        var other = try RunBench(settings, recovered: recovered)
        for case .meta(let key, let value) in other.persisted { recovered.meta[key] = value }
        #expect(other.machine.snapshot(at: 0).workers["generator"]?.desired == 1)
        settings.desired = [.generator: 2]
        var third = try RunBench(settings, recovered: recovered)
        #expect(third.machine.snapshot(at: 0).workers["generator"]?.desired == 2)
    }
}
