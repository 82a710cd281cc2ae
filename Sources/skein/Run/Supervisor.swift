import ClusterModel
import Console
import Coordinator
import Foundation
import Keys
import Logging
import RunLayout
import Supervision
import Synchronization

/// Keeps the processes of one PPO stage alive on this machine: carries out what ``SupervisorMachine`` decides. There is no
/// rule here.
///
/// Everything is a task of one group, which `run` leaves when the last process has ended: a task for each process, one
/// that follows the coordinator, the clock, and each word to the coordinator.
final class Supervisor: Sendable {
    struct Plan: Sendable {
        var runDirectory: String
        var runFile: String
        var engine: String
        var skein: String
        /// How many processes of each role.
        var counts: [Role: Int]
        /// False: the coordinator's wishes are for others, who start workers elsewhere.
        var startsWorkers = true
        var logLevel: String
        var steps: Int
        /// What a person types to go on with the run.
        var command: String
        var skipsPoison: Bool
        /// Of the processes, one for each role; nil: nobody needs one.
        var keys: KeyDirectory?
        /// How the run listens beyond this machine.
        var coordinatorOptions: [String] = []
        var learnerOptions: [String] = []
        /// After this time without a word the coordinator counts a process as lost, and the supervisor the coordinator.
        var silence: Duration
        /// Whether the run directory is still the one that this command has.
        var isDirectoryInPlace: @Sendable () -> Bool
    }

    private struct Shared {
        var children: [Slot: RunningChild] = [:]
        /// Of every child that was ever started.
        var processes: Set<Int32> = []
        var isStopping = false
    }

    private typealias Event = SupervisorMachine.Event

    private static let tick: Duration = .milliseconds(50)
    /// Between two looks at what the coordinator wants.
    private static let lookPeriod: Duration = .milliseconds(250)
    /// Between two looks at the run directory.
    private static let directoryPeriod: Duration = .seconds(1)
    /// How long a process that was killed at the end of everything is waited for.
    private static let lastPatience: Duration = .seconds(2)

    private let plan: Plan
    private let logger: Logger
    private let began = ContinuousClock.now
    private let shared = Mutex(Shared())
    private let events: AsyncStream<Event>
    private let inbox: AsyncStream<Event>.Continuation

    init(plan: Plan, logger: Logger) {
        self.plan = plan
        self.logger = logger
        (events, inbox) = AsyncStream.makeStream(of: Event.self)
    }

    /// Of every child that was ever started.
    var processes: Set<Int32> { shared.withLock { $0.processes } }
    /// Nothing new happens in the run any more.
    var isStopping: Bool { shared.withLock { $0.isStopping } }

    /// Asked for by a signal: finish in order.
    func interrupt() { inbox.yield(.interrupt) }

    /// Runs until the coordinator says the run is done. Throws what made it impossible. Called once.
    func run() async throws {
        do {
            try FileManager.default.createDirectory(
                atPath: RunLayout(plan.runDirectory)[.logs], withIntermediateDirectories: true)
        } catch {
            throw CommandError(.failed, "cannot make \(plan.runDirectory)/logs: \(error.localizedDescription)")
        }
        CoordinatorFile.remove(in: plan.runDirectory)
        // A directory that was replaced belongs to another run.
        defer { if plan.isDirectoryInPlace() { CoordinatorFile.remove(in: plan.runDirectory) } }
        let error = await withTaskGroup(of: Void.self, returning: CommandError?.self) { group in
            defer { group.cancelAll() }
            group.addTask { await self.watchTheClock() }
            group.addTask { await self.followTheCoordinator() }
            group.addTask { await self.watchTheDirectory() }
            var machine = SupervisorMachine(
                .init(
                    counts: plan.counts, steps: plan.steps, command: plan.command, skipsPoison: plan.skipsPoison))
            var effects = machine.begin()
            var iterator = events.makeAsyncIterator()
            while true {
                for effect in effects {
                    if case .end(let status, let message) = effect { return status.map { CommandError($0, message) } }
                    carryOut(effect, &group)
                }
                guard let event = await iterator.next() else { return nil }
                switch event {
                case .ended(let slot, _, _), .cannotStart(let slot, _):
                    shared.withLock { $0.children[slot] = nil }
                    // Who was killed has left it, and another process may listen there by now.
                    if slot == .coordinator, plan.isDirectoryInPlace() { CoordinatorFile.remove(in: plan.runDirectory) }
                    effects = machine.handle(journal, at: ContinuousClock.now - began)
                    // That is why it ended, then.
                    if !plan.isDirectoryInPlace() {
                        effects += machine.handle(directoryIsGone, at: ContinuousClock.now - began)
                    }
                default: effects = []
                }
                effects += machine.handle(event, at: ContinuousClock.now - began)
                shared.withLock { $0.isStopping = machine.isStopping }
            }
        }
        if let error { throw error }
    }

    private func carryOut(_ effect: SupervisorMachine.Effect, _ group: inout TaskGroup<Void>) {
        switch effect {
        case .start(let slot, let address):
            let child = process(slot, address)
            group.addTask { await self.live(slot, child) }
        case .signal(let slot, let number): shared.withLock { $0.children[slot] }?.send(signal: number)
        case .lost(let slot, let pid, let byItself):
            group.addTask { await self.tellOfLoss(slot, pid, byItself) }
        case .note(let note):
            logger.log(
                level: note.isWarning ? .warning : .info, "\(note.message)",
                metadata: note.details.mapValues { .string($0) })
        case .end: break
        }
    }

    private var journal: Event {
        let path = RunLayout(plan.runDirectory)[.journal]
        return .journal(
            steps: JournalSummary.committedSteps(path: path), skipped: JournalSummary.skippedJobs(path: path),
            isStopped: JournalSummary.ending(path: path) == .stopped)
    }

    private var directoryIsGone: Event {
        .impossible("the run directory \(plan.runDirectory) was removed or replaced while the run was live")
    }

    // MARK: - Tasks

    /// The life of a process. A cancellation kills it and waits for it, but not for ever: one that waits for a dead disk
    /// does not end by SIGKILL.
    private func live(_ slot: Slot, _ child: ChildProcess) async {
        let (lives, end) = AsyncStream.makeStream(of: Void.self)
        // In tasks of their own, because this one cannot be left before those of its group have ended.
        let life = Task {
            await self.lead(slot, child)
            end.finish()
        }
        let waiting = Task { for await _ in lives {} }
        await withTaskCancellationHandler {
            await waiting.value
        } onCancel: {
            life.cancel()
            Task {
                try? await Task.sleep(for: Self.lastPatience)
                end.finish()
            }
        }
    }

    private func lead(_ slot: Slot, _ child: ChildProcess) async {
        do {
            let end = try await child.run { [self] running in
                shared.withLock {
                    $0.children[slot] = running
                    $0.processes.insert(running.pid)
                }
                logger.debug("started", metadata: ["child": "\(slot)", "pid": "\(running.pid)"])
                inbox.yield(.started(slot, pid: running.pid))
            }
            inbox.yield(.ended(slot, end.ending, words: end.words))
        } catch {
            inbox.yield(.cannotStart(slot, "\(error)"))
        }
    }

    private func process(_ slot: Slot, _ address: String?) -> ChildProcess {
        let common = ["--supervised", "--log-level", plan.logLevel]
        let output = ChildProcess.Output.log(RunLayout(plan.runDirectory).log(of: "\(slot)"))
        // The key itself stands in the file alone: everybody can read the words of a process.
        func worker(_ role: Role) -> [String] {
            [role.rawValue, "--coordinator", Listening.local(address ?? ""), "--name", "\(slot)"]
                + (plan.keys.map { ["--key", $0.keyFile(role.rawValue)] } ?? []) + common
        }
        switch slot {
        case .coordinator:
            let place = address.map { ["--set", "coordinator.bind=\($0)"] } ?? []
            return ChildProcess(
                plan.skein, ["coordinator", plan.runFile] + common + plan.coordinatorOptions + place,
                name: Invocation.first, output: output)
        case .learner:
            return ChildProcess(
                plan.engine, worker(.learner) + plan.learnerOptions + ["--run-directory", plan.runDirectory],
                name: Invocation.firstOfEngine, output: output)
        case .worker(let role, _):
            return ChildProcess(plan.engine, worker(role), name: Invocation.firstOfEngine, output: output)
        }
    }

    private func watchTheClock() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.tick)
            inbox.yield(.tick)
        }
    }

    /// Who removes the directory of a live run, and starts another one there, has two runs that write into one another's.
    private func watchTheDirectory() async {
        while !Task.isCancelled {
            guard plan.isDirectoryInPlace() else {
                inbox.yield(directoryIsGone)
                return
            }
            try? await Task.sleep(for: Self.directoryPeriod)
        }
    }

    /// Where the coordinator listens, whom it has lost, and how many workers it wants: `skein scale` asks it.
    private func followTheCoordinator() async {
        var isKnown = false
        var watch = CoordinatorWatch(limit: plan.silence)
        while !Task.isCancelled {
            // It reads the data before it listens, which takes as long as the data is large.
            guard let file = CoordinatorFile.read(in: plan.runDirectory) else {
                try? await Task.sleep(for: .milliseconds(20))
                continue
            }
            if !isKnown { inbox.yield(.address(file.bind ?? file.endpoint)) }
            isKnown = true
            let answer = try? await StatusClient(address: file.status, tokenFile: file.tokenFile).snapshot()
            // Another run may listen there by now.
            let snapshot = answer?.runId == file.runID ? answer : nil
            if watch.look(at: file.pid, snapshot: snapshot?.nowMs, now: ContinuousClock.now - began) {
                inbox.yield(.silent(.coordinator, pid: file.pid))
            }
            if let snapshot {
                for role in [Role.generator, .scorer] where plan.startsWorkers {
                    if let count = snapshot.workers[role.rawValue]?.desired { inbox.yield(.wish(role, count)) }
                }
                if let deaths = snapshot.alarms.last(where: { $0.code == RunMachine.jobDeaths && !$0.isPast }) {
                    inbox.yield(.deaths(deaths.detail))
                }
                for (slot, pid) in silentChildren(snapshot) { inbox.yield(.silent(slot, pid: pid)) }
            }
            try? await Task.sleep(for: Self.lookPeriod)
        }
    }

    /// Processes that live, and that the coordinator has lost. One that has said goodbye is gone there too, and gets as much
    /// time to end.
    private func silentChildren(_ snapshot: ClusterSnapshot) -> [(Slot, Int32)] {
        let children = shared.withLock { $0.children }
        let limit = Int64(plan.silence / .milliseconds(1))
        let lost = snapshot.workerList.filter { $0.state == "gone" && snapshot.nowMs - $0.lastSeenMs >= limit }
        guard !lost.isEmpty else { return [] }
        return children.compactMap { slot, child in
            lost.contains { $0.name == "\(slot)" && $0.pid == Int(child.pid) } ? (slot, child.pid) : nil
        }
    }

    /// Its jobs are handed on at once, and not when its leases run out. If nobody listens, they do that.
    private func tellOfLoss(_ slot: Slot, _ pid: Int32, _ byItself: Bool) async {
        guard let file = CoordinatorFile.read(in: plan.runDirectory) else { return }
        do {
            try await StatusClient(address: file.status, tokenFile: file.tokenFile).post(
                "/v1/workers/\(slot)/lost", body: ["pid": Int(pid), "by_itself": byItself ? 1 : 0])
        } catch {
            logger.debug("the coordinator was not told", metadata: ["lost": "\(slot)", "reason": "\(error)"])
        }
    }
}
