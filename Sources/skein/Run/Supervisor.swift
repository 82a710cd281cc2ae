import ClusterModel
import Console
import Coordinator
import Foundation
import Logging
import RunLayout

/// Keeps the processes of one PPO stage alive on this machine: starts them, restarts what died with back-off, follows
/// the coordinator's wishes for more or fewer workers, and stops all of them in order.
///
///     (1) start -> (2) running -> (3) the coordinator ended by itself -> (5) stopping workers -> ended
///                      |  ^  a child died: restart after back-off, (4) fail when it cannot work
///                      v
///                  (6) interrupted by a signal: workers drain, then learner, then coordinator
actor Supervisor {
    struct Plan: Sendable {
        var runDirectory: String
        var runFile: String
        var engine: String
        var skein: String
        /// How many processes of each role.
        var counts: [Role: Int]
        var logLevel: String
        var steps: Int
        /// What a person types to go on with the run.
        var command: String
    }

    private enum Slot: Hashable, CustomStringConvertible {
        case coordinator
        case worker(Role, Int)

        var description: String {
            switch self {
            case .coordinator: "coordinator"
            case .worker(.learner, _): "learner"
            case .worker(let role, let number): "\(role.rawValue)-\(number)"
            }
        }
    }

    private let plan: Plan
    private let logger: Logger
    private var children: [Slot: Child] = [:]
    private var budgets: [Slot: RestartBudget] = [:]
    /// Told to leave because fewer were wanted.
    private var dismissed: Set<Slot> = []
    private let began = ContinuousClock.now
    private var desired: [Role: Int]
    private var stopping = false
    private var outcome: CommandError?
    private var coordinatorEnding: Child.Ending?
    private var watchers: [Task<Void, Never>] = []
    private var address = ""
    /// Of every child that was ever started.
    private(set) var processes: Set<Int32> = []

    init(plan: Plan, logger: Logger) {
        self.plan = plan
        self.logger = logger
        desired = plan.counts
    }

    /// Runs until the coordinator says the run is done. Throws what made it impossible.
    func run() async throws {
        try FileManager.default.createDirectory(
            atPath: RunLayout(plan.runDirectory)[.logs], withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: CoordinatorFile.path(in: plan.runDirectory))
        defer { CoordinatorFile.remove(in: plan.runDirectory) }
        try start(.coordinator)
        address = try await coordinatorAddress()
        try start(.worker(.learner, 0))
        for role in [Role.scorer, .generator] {
            for number in 0..<(desired[role] ?? 0) { try start(.worker(role, number)) }
        }
        while coordinatorEnding == nil, outcome == nil, !stopping {
            try? await Task.sleep(for: .milliseconds(100))
        }
        await stopAll()
        if let outcome { throw outcome }
        if stopping, coordinatorEnding != .exit(0) {
            throw stopped
        }
    }

    /// What a run says that ended before its last step because somebody asked for it.
    private var stopped: CommandError {
        let steps = JournalSummary.committedSteps(path: RunLayout(plan.runDirectory)[.journal])
        return CommandError(
            .tryAgain, "stopped as asked after step \(steps) of \(plan.steps); go on with: \(plan.command)")
    }

    /// Asked for by a signal: finish in order.
    func interrupt() { stopping = true }

    /// Follows `skein scale`.
    func scale(_ role: Role, to count: Int) {
        guard !stopping, role != .learner, desired[role] != count else { return }
        desired[role] = count
        logger.info("scale", metadata: ["role": "\(role.rawValue)", "count": "\(count)"])
        for number in 0..<count where children[.worker(role, number)] == nil {
            do { try start(.worker(role, number)) } catch { fail(.failed, "\(error)") }
        }
        for (slot, child) in children {
            guard case .worker(role, let number) = slot, number >= count else { continue }
            dismissed.insert(slot)
            child.send(signal: SIGTERM)
        }
    }

    var isOver: Bool { hasEnded || stopping }
    var hasEnded: Bool { coordinatorEnding != nil || outcome != nil }

    // MARK: - Children

    private func start(_ slot: Slot) throws {
        let name = slot.description
        let log = RunLayout(plan.runDirectory).log(of: name)
        let child: Child
        switch slot {
        case .coordinator:
            // A new one listens where the old one did, so that workers find it again.
            let place = address.isEmpty ? [] : ["--set", "coordinator.bind=\(address)"]
            child = try Child(
                name: name, executable: plan.skein,
                arguments: ["coordinator", plan.runFile, "--supervised", "--log-level", plan.logLevel] + place,
                logPath: log)
        case .worker(let role, _):
            child = try Child(
                name: name, executable: plan.engine,
                arguments: [
                    role.rawValue, "--coordinator", address, "--name", name, "--supervised", "--log-level",
                    plan.logLevel,
                ] + (role == .learner ? ["--run-directory", plan.runDirectory] : []), logPath: log)
        }
        children[slot] = child
        processes.insert(child.pid)
        logger.debug("started", metadata: ["child": "\(name)", "pid": "\(child.pid)"])
        watchers.append(Task { await self.ended(slot, child, await child.wait()) })
    }

    private func ended(_ slot: Slot, _ child: Child, _ ending: Child.Ending) async {
        guard children[slot] === child else { return }
        children[slot] = nil
        if slot == .coordinator {
            coordinatorEnded(child, ending)
            return
        }
        guard !stopping, coordinatorEnding == nil, outcome == nil else { return }
        let wasDismissed = dismissed.remove(slot) != nil
        if case .worker(let role, let number) = slot, role != .learner, number >= desired[role] ?? 0 { return }
        switch ending {
        case .exit(ExitStatus.configuration.rawValue), .exit(ExitStatus.usage.rawValue):
            fail(.configuration, "\(slot) cannot work: \(child.lastWords())")
        case .exit(0) where !wasDismissed:
            // It was drained, or the run is over and the coordinator's own end is a moment away.
            logger.info("left", metadata: ["child": "\(slot)"])
        case .exit(0):
            // More are wanted again since it was told to leave.
            do { try start(slot) } catch { fail(.failed, "\(error)") }
        default: await startAgain(slot, child, ending)
        }
    }

    private func startAgain(_ slot: Slot, _ child: Child, _ ending: Child.Ending) async {
        switch verdict(slot, child, ending) {
        case .giveUp(let what): fail(.failed, "\(slot) \(what) (\(ending)): \(child.lastWords())")
        case .again(let pause):
            logger.warning(
                "a child died and is started again",
                metadata: ["child": "\(slot)", "ending": "\(ending)", "back-off": "\(pause)"])
            try? await Task.sleep(for: pause)
            guard !stopping, !hasEnded, children[slot] == nil else { return }
            // Fewer may be wanted by now.
            if case .worker(let role, let number) = slot, role != .learner, number >= desired[role] ?? 0 { return }
            do { try start(slot) } catch { fail(.failed, "\(error)") }
        }
    }

    private func verdict(_ slot: Slot, _ child: Child, _ ending: Child.Ending) -> RestartBudget.Verdict {
        // What the process did to itself is a way to fail; what others did to it says nothing about it.
        let ownSignals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]
        let reason: String? =
            switch ending {
            case .signal(let number): ownSignals.contains(number) ? "\(ending)" : nil
            default: child.lastWords()
            }
        return budgets[slot, default: RestartBudget()].ended(
            reason: reason,
            progress: JournalSummary.committedSteps(path: RunLayout(plan.runDirectory)[.journal]),
            at: ContinuousClock.now - began)
    }

    private func coordinatorEnded(_ child: Child, _ ending: Child.Ending) {
        switch ending {
        case .exit(0):
            coordinatorEnding = ending
        case .exit(let code):
            // Its own decision: stopped by its operator, a port in use, a job that cannot be done. While everything
            // is being stopped it may well find that nobody is left.
            if code == ExitStatus.tryAgain.rawValue,
                JournalSummary.ending(path: RunLayout(plan.runDirectory)[.journal]) == .stopped
            {
                if outcome == nil { outcome = stopped }
            } else if !stopping {
                fail(ExitStatus(rawValue: code) ?? .failed, "the run cannot go on: \(child.lastWords())")
            }
            coordinatorEnding = ending
        case .signal:
            // Killed: the journal knows everything, so a new one goes on.
            guard !stopping else {
                coordinatorEnding = ending
                return
            }
            switch verdict(.coordinator, child, ending) {
            case .giveUp(let what):
                fail(.failed, "the coordinator \(what) (\(ending)): \(child.lastWords())")
                coordinatorEnding = ending
            case .again:
                logger.warning("the coordinator died and is started again", metadata: ["ending": "\(ending)"])
                do { try start(.coordinator) } catch { fail(.failed, "\(error)") }
            }
        }
    }

    private func fail(_ status: ExitStatus, _ message: String) {
        if outcome == nil { outcome = CommandError(status, message) }
    }

    /// Waits for the file in which the coordinator says where it listens.
    private func coordinatorAddress() async throws -> String {
        // It reads the data first, which takes as long as the data is large.
        while outcome == nil, !stopping, coordinatorEnding == nil {
            if let file = CoordinatorFile.read(in: plan.runDirectory) { return file.endpoint }
            try? await Task.sleep(for: .milliseconds(20))
        }
        let isStopping = stopping
        await stopAll()
        if let outcome { throw outcome }
        if isStopping { throw stopped }
        throw CommandError(.failed, "the coordinator ended before it said where it listens; see logs/coordinator.log")
    }

    /// Workers first, so that their results still find the coordinator; the learner writes its checkpoint; the
    /// coordinator closes the journal last.
    private func stopAll() async {
        let order: [(Slot) -> Bool] = [
            {
                switch $0 {
                case .worker(.generator, _), .worker(.scorer, _): true
                default: false
                }
            },
            { $0 == .worker(.learner, 0) },
            { $0 == .coordinator },
        ]
        stopping = true
        for belongs in order {
            let group = children.filter { belongs($0.key) }
            // After a regular end the coordinator has already told them; this covers the other endings.
            let grace: Duration = .seconds(coordinatorEnding == .exit(0) ? 5 : 0)
            await waitFor(group, atMost: grace)
            for child in group.values { child.send(signal: SIGTERM) }
            await waitFor(group, atMost: .seconds(20))
            for child in group.values { child.send(signal: SIGKILL) }
            await waitFor(group, atMost: .seconds(5))
        }
    }

    private func waitFor(_ group: [Slot: Child], atMost limit: Duration) async {
        let end = ContinuousClock.now + limit
        while group.values.contains(where: \.isRunning), ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}
