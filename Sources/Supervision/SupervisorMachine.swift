package import ClusterModel
package import Console
import Foundation
import RunConfiguration

/// Every decision of the supervisor of a PPO stage, as a value: which processes run, which of them are started again and
/// when, in which order they are stopped, and how the stage ends.
///
///     STARTING --(1) the coordinator says where it listens: learner, scorers and generators are started--> RUNNING
///     any --(2) interrupted, the coordinator has ended by itself, or a process cannot work--> STOPPING
///     STOPPING --(3) workers, then the learner, then the coordinator have ended--> over
///
/// What happens to the process in one slot:
///
///     (4) start -> ALIVE --(5) fewer are wanted: SIGTERM, once--> LEAVING
///     ALIVE, LEAVING --(6) died, or cannot be started again--> PAUSED
///     PAUSED --(7) the back-off is over--> (4), or gone if it is not wanted any more
///     ALIVE --(8) a worker, exit 0: it was drained, or the run is over--> gone
///     LEAVING --(9) exit 0--> gone, or (4) if more are wanted again
///     ALIVE, LEAVING --(10) a wrong configuration, or ``RestartBudget`` is spent--> gone, and (2) with its last words
///     ALIVE --(11) the learner, exit 0: somebody ended it, or the coordinator ends next--> PAUSED, for longer
///     first ALIVE --(12) cannot be started--> gone, and (2)
///     ALIVE, LEAVING --(13) silent for too long, and it lives: SIGKILL, once--> as it was, until (6)
///     ALIVE --(14) exit 75: it is to be tried again, as one whose name another process has--> PAUSED, however often
///
/// While STOPPING, each of the three groups in turn gets its grace, SIGTERM, its patience, and SIGKILL; who
/// outlives that is left behind (``Stopping``).
///
/// No clock and no process: the same events at the same times give the same effects.
package struct SupervisorMachine: Sendable {
    package enum Event: Sendable {
        case started(Slot, pid: Int32)
        /// It was not started, or it was and its end is unknown.
        case cannotStart(Slot, String)
        /// - Parameter words: the last lines that say what went wrong.
        case ended(Slot, Ending, words: String)
        /// The coordinator listens for workers here.
        case address(String)
        /// The coordinator wants so many workers of a role.
        case wish(Role, Int)
        /// The coordinator has heard nothing from this process for so long that it counts as lost, or has shown nothing
        /// new for as long itself: it is frozen, or waits for a dead disk. Told at every look.
        case silent(Slot, pid: Int32)
        /// What the coordinator says of workers that died holding the same job.
        case deaths(String)
        /// Something outside of the processes makes the run impossible.
        case impossible(String)
        /// What the journal says: steps that are committed, jobs that were given up, and whether the run was stopped by its
        /// operator. Told before every end, because it decides what the end means.
        case journal(steps: Int, skipped: Int = 0, isStopped: Bool)
        case interrupt
        /// Time has passed; some twenty times a second.
        case tick
    }

    package enum Effect: Sendable, Equatable {
        /// - Parameter address: where the coordinator listens; nil for the first coordinator, which chooses.
        case start(Slot, address: String?)
        case signal(Slot, Int32)
        /// The coordinator is to be told that this process is gone without a word.
        /// - Parameter byItself: it failed; else others ended it, and no job of its is to blame.
        case lost(Slot, pid: Int32, byItself: Bool)
        case note(Note)
        /// The stage is over; nil: all steps are made.
        case end(ExitStatus?, String)
    }

    /// A line of the log.
    package struct Note: Sendable, Equatable {
        package var isWarning: Bool
        package var message: String
        package var details: [String: String]
    }

    package struct Settings: Sendable {
        /// How many processes of each role of workers.
        package var counts: [Role: Int]
        /// Steps of the run.
        package var steps: Int
        /// What a person types to go on with the run.
        package var command: String
        /// `coordinator.on_poison: skip`: a job that takes process after process with it does not end the run, so neither do
        /// they.
        package var skipsPoison: Bool

        package init(counts: [Role: Int], steps: Int, command: String, skipsPoison: Bool = false) {
            self.skipsPoison = skipsPoison
            self.counts = counts
            self.steps = steps
            self.command = command
        }
    }

    private enum State: Sendable {
        /// - Parameters:
        ///   - pid: nil until it is told.
        ///   - owed: a signal that waits for the pid.
        case alive(pid: Int32?, isLeaving: Bool, owed: Int32?)
        case paused(until: Duration)
    }

    /// Why the stage ends early.
    private enum Cause: Sendable {
        case failed(ExitStatus, String)
        /// Somebody asked for it.
        case stopped
    }

    /// The coordinator ends within this time of a learner that has made the last step.
    private static let learnerPause: Duration = .seconds(10)
    /// Before a process is tried again that could not do its work yet, and between two lines of the log about it.
    private static let trialPause: Duration = .seconds(5)
    private static let trialSaid: Duration = .seconds(60)

    private let settings: Settings
    private var wanted: [Role: Int]
    private var slots: [Slot: State] = [:]
    /// Slots in which a process was started at least once.
    private var haveRun: Set<Slot> = []
    /// Slots that are paused and whose process ended in order.
    private var finished: Set<Slot> = []
    private var budgets: [Slot: RestartBudget] = [:]
    /// When it was last said that a process waits, and why.
    private var trials: [Slot: (said: Duration, words: String)] = [:]
    private var deaths: String?
    /// Processes that were killed because they were silent.
    private var silenced: [Slot: Int32] = [:]
    private var address: String?
    private var committed = 0
    private var skipped = 0
    private var isStoppedInJournal = false
    private var stopping: Stopping?
    /// The first cause counts.
    private var cause: Cause?
    /// The coordinator said that the run is done.
    private var isDone = false
    private var isOver = false
    private var effects: [Effect] = []

    package init(_ settings: Settings) {
        self.settings = settings
        wanted = settings.counts
    }

    /// True from edge 2 on.
    package var isStopping: Bool { stopping != nil }

    /// Starts the coordinator, which everything else waits for.
    package mutating func begin() -> [Effect] {
        start(.coordinator)
        return take()
    }

    /// - Parameter now: since any fixed moment.
    package mutating func handle(_ event: Event, at now: Duration) -> [Effect] {
        guard !isOver else { return [] }
        switch event {
        case .started(let slot, let pid): started(slot, pid)
        case .cannotStart(let slot, let reason): cannotStart(slot, reason, now)
        case .ended(let slot, let ending, let words): ended(slot, ending, words, now)
        case .address(let text): listens(at: text)
        case .wish(let role, let count): scale(role, to: count)
        case .silent(let slot, let pid): silent(slot, pid)
        case .deaths(let words): deaths = words
        case .impossible(let reason): fail(.failed, reason, now)
        case .journal(let steps, let skipped, let isStopped):
            (committed, self.skipped, isStoppedInJournal) = (steps, skipped, isStopped)
        case .interrupt:
            if stopping == nil, cause == nil { cause = .stopped }
            stop(now)
        case .tick: break
        }
        passTime(now)
        return take()
    }

    private mutating func take() -> [Effect] {
        defer { effects = [] }
        return effects
    }

    // MARK: - Starting

    /// Edge 4.
    private mutating func start(_ slot: Slot) {
        slots[slot] = .alive(pid: nil, isLeaving: false, owed: nil)
        // A new coordinator listens where the old one did, so that workers find it again.
        effects.append(.start(slot, address: address))
    }

    private mutating func started(_ slot: Slot, _ pid: Int32) {
        guard case .alive(_, let isLeaving, let owed) = slots[slot] else { return }
        haveRun.insert(slot)
        slots[slot] = .alive(pid: pid, isLeaving: isLeaving, owed: nil)
        if let owed { effects.append(.signal(slot, owed)) }
    }

    /// Edge 1.
    private mutating func listens(at text: String) {
        guard address == nil, stopping == nil else { return }
        address = text
        start(.learner)
        for role in [Role.scorer, .generator] { fill(role) }
    }

    /// Edge 5 for those above the count; edge 4 for those below it that are not there.
    private mutating func scale(_ role: Role, to count: Int) {
        guard stopping == nil, address != nil, role != .learner, wanted[role] != count,
            WorkersSection.counts.contains(count)
        else { return }
        wanted[role] = count
        note("scale", ["role": role.rawValue, "count": "\(count)"])
        fill(role)
        for slot in slots.keys.sorted() where !isWanted(slot) { dismiss(slot) }
    }

    private mutating func fill(_ role: Role) {
        for number in 0..<max(0, wanted[role] ?? 0) where slots[.worker(role, number)] == nil {
            start(.worker(role, number))
        }
    }

    private mutating func dismiss(_ slot: Slot) {
        // A second SIGTERM would end it in the middle of its job; one that waits for its back-off is left to edge 7.
        guard case .alive(let pid, false, let owed) = slots[slot] else { return }
        slots[slot] = .alive(pid: pid, isLeaving: true, owed: owed)
        send(SIGTERM, to: slot)
    }

    private mutating func send(_ number: Int32, to slot: Slot) {
        guard case .alive(let pid, let isLeaving, _) = slots[slot] else { return }
        if pid == nil {
            slots[slot] = .alive(pid: nil, isLeaving: isLeaving, owed: number)
        } else {
            effects.append(.signal(slot, number))
        }
    }

    private func isWanted(_ slot: Slot) -> Bool {
        guard case .worker(let role, let number) = slot else { return true }
        return number < wanted[role] ?? 0
    }

    // MARK: - Ends

    /// Edge 13. A process that hangs does not listen to SIGTERM.
    private mutating func silent(_ slot: Slot, _ pid: Int32) {
        // While everything is being stopped, who hangs is killed in any case.
        guard stopping == nil, case .alive(let alive?, _, _) = slots[slot], alive == pid, silenced[slot] != pid
        else { return }
        silenced[slot] = pid
        let next = isWanted(slot) ? "started again" : "ended"
        note("\(slot) (process \(pid)) was silent for too long and is \(next)", [:], isWarning: true)
        send(SIGKILL, to: slot)
    }

    private mutating func ended(_ slot: Slot, _ how: Ending, _ words: String, _ now: Duration) {
        guard case .alive(let pid, let wasLeaving, _) = slots[slot] else { return }
        // Whom this one has killed was not killed by the kernel.
        let ending = how == .outOfMemory && pid != nil && silenced[slot] == pid ? .signal(SIGKILL) : how
        slots[slot] = nil
        if slot == .coordinator {
            coordinatorEnded(ending, words, now)
            return
        }
        guard stopping == nil else { return }
        // Who ends by itself has said so to the coordinator.
        if ending != .exit(0), let pid {
            effects.append(.lost(slot, pid: pid, byItself: Self.reason(ending, words) != nil))
        }
        guard isWanted(slot) else { return }
        switch ending {
        case .exit(ExitStatus.configuration.rawValue), .exit(ExitStatus.usage.rawValue):
            fail(.configuration, "\(slot) cannot work: \(words)", now)
        case .exit(0) where slot == .learner:
            startAgain(slot, how: "\(ending)", reason: nil, words: "", isRegular: true, now)
        case .exit(0) where wasLeaving: start(slot)
        case .exit(0): note("left", ["child": "\(slot)"])
        case .exit(ExitStatus.tryAgain.rawValue): tryAgain(slot, words, now)
        default: startAgain(slot, ending, words, now)
        }
    }

    /// Edge 14. It counts for nothing: as long as another process has its name, that one does its work; and if nobody does
    /// it, the coordinator names who is missing, and ends the run in time.
    private mutating func tryAgain(_ slot: Slot, _ words: String, _ now: Duration) {
        slots[slot] = .paused(until: now + Self.trialPause)
        if let last = trials[slot], last.words == words, now - last.said < Self.trialSaid { return }
        trials[slot] = (now, words)
        note(
            "a child cannot work yet, and is tried again every \(Self.trialPause / .seconds(1)) s",
            ["child": "\(slot)", "reason": words], isWarning: true)
    }

    /// Edge 12, or 6: a program that was started before is there, and what it lacks now, such as memory, may come back.
    private mutating func cannotStart(_ slot: Slot, _ reason: String, _ now: Duration) {
        guard case .alive(let pid, _, _) = slots[slot] else { return }
        slots[slot] = nil
        guard stopping == nil else { return }
        guard haveRun.contains(slot) else {
            fail(.failed, reason, now)
            return
        }
        if slot != .coordinator, let pid { effects.append(.lost(slot, pid: pid, byItself: false)) }
        guard isWanted(slot) else { return }
        let how = pid == nil ? "it could not be started" : "its end is unknown"
        startAgain(slot, how: how, reason: reason, words: reason, now)
    }

    private mutating func coordinatorEnded(_ ending: Ending, _ words: String, _ now: Duration) {
        switch ending {
        case .exit(0):
            isDone = true
            stop(now)
        case .exit(let code):
            // Its own decision: stopped by its operator, a port in use, a job that cannot be done. While everything is
            // being stopped it may well find that nobody is left. Until it listens, the journal speaks of an earlier command.
            if code == ExitStatus.tryAgain.rawValue, isStoppedInJournal, address != nil {
                if cause == nil { cause = .stopped }
                stop(now)
            } else if stopping == nil {
                fail(ExitStatus(rawValue: code) ?? .failed, "the run cannot go on: \(words)", now)
            }
        case .signal, .outOfMemory:
            // Killed: the journal knows everything, so a new one goes on.
            if stopping == nil { startAgain(.coordinator, ending, words, now) }
        }
    }

    /// Edges 6 and 10, of a process that ended.
    private mutating func startAgain(_ slot: Slot, _ ending: Ending, _ words: String, _ now: Duration) {
        startAgain(slot, how: "\(ending)", reason: Self.reason(ending, words), words: words, now)
    }

    /// How a process failed by itself; nil for what others did to it, which says nothing about it.
    private static func reason(_ ending: Ending, _ words: String) -> String? {
        let ownSignals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]
        return switch ending {
        case .signal(let number): ownSignals.contains(number) ? "\(ending)" : nil
        case .outOfMemory: "\(ending)"
        case .exit(ExitStatus.tryAgain.rawValue): nil
        case .exit: words
        }
    }

    /// Edges 6, 10 and 11.
    ///
    /// - Parameters:
    ///   - how: in which way it ended, for people.
    ///   - reason: how it failed by itself; nil when its end says nothing about it.
    ///   - words: its last lines, or why there is no process.
    ///   - isRegular: it probably ended because the run does, and is started again only if that goes on.
    private mutating func startAgain(
        _ slot: Slot, how: String, reason: String?, words: String, isRegular: Bool = false, _ now: Duration
    ) {
        // The coordinator gives a job up at the end that would be the last one here.
        let same = RestartBudget.sameAllowed + (settings.skipsPoison ? 1 : 0)
        let verdict = budgets[slot, default: RestartBudget(sameAllowed: same)].ended(
            reason: reason, progress: committed + skipped, at: now)
        let who = slot == .coordinator ? "the coordinator" : "\(slot)"
        switch verdict {
        case .giveUp(let what):
            let last = words.isEmpty ? "" : ": \(words)"
            fail(.failed, "\(who) \(what) (\(how))\(last)" + (deaths.map { "; \($0)" } ?? ""), now)
        case .again(let backOff):
            let pause = isRegular ? max(backOff, Self.learnerPause) : backOff
            slots[slot] = .paused(until: now + pause)
            if isRegular {
                finished.insert(slot)
                note("\(slot) has finished", ["ending": how])
                return
            }
            note(
                slot == .coordinator
                    ? "the coordinator ended and is started again" : "a child ended and is started again",
                ["child": "\(slot)", "ending": how, "back-off": "\(pause)"], isWarning: true)
        }
    }

    // MARK: - Time

    private mutating func passTime(_ now: Duration) {
        if stopping == nil {
            for slot in slots.keys.sorted() {
                guard case .paused(let until) = slots[slot], now >= until else { continue }
                slots[slot] = nil
                if finished.remove(slot) != nil {
                    note("the run goes on, and a child is started again", ["child": "\(slot)"], isWarning: true)
                }
                if isWanted(slot) { start(slot) }
            }
        } else {
            goOnStopping(now)
        }
    }

    private mutating func fail(_ status: ExitStatus, _ message: String, _ now: Duration) {
        if cause == nil { cause = .failed(status, message) }
        stop(now)
    }

    /// Edge 2.
    private mutating func stop(_ now: Duration) {
        guard stopping == nil else { return }
        slots = slots.filter { if case .paused = $0.value { false } else { true } }
        // After a regular end the coordinator has told the others already.
        stopping = Stopping(grace: isDone ? .seconds(5) : .zero, at: now)
    }

    private mutating func goOnStopping(_ now: Duration) {
        while var current = stopping {
            let group = slots.keys.filter(current.group.contains).sorted()
            let step = current.next(isEmpty: group.isEmpty, at: now)
            stopping = current
            switch step {
            case .wait: return
            case .again: continue
            case .terminate:
                for slot in group {
                    if case .alive(_, true, _) = slots[slot] { continue }
                    send(SIGTERM, to: slot)
                }
            case .kill: for slot in group { send(SIGKILL, to: slot) }
            case .abandon:
                for slot in group {
                    slots[slot] = nil
                    note("a child outlived SIGKILL and is left behind", ["child": "\(slot)"], isWarning: true)
                }
            case .over:
                end()
                return
            }
        }
    }

    /// Edge 3.
    private mutating func end() {
        isOver = true
        switch cause {
        case .failed(let status, let message): effects.append(.end(status, message))
        case .stopped where !isDone:
            let text = "stopped as asked after step \(committed) of \(settings.steps); go on with: \(settings.command)"
            effects.append(.end(.tryAgain, text))
        case .stopped, nil: effects.append(.end(nil, ""))
        }
    }

    private mutating func note(_ message: String, _ details: [String: String], isWarning: Bool = false) {
        effects.append(.note(Note(isWarning: isWarning, message: message, details: details)))
    }
}
