import ClusterModel
import HeapModule

/// What must hold whatever happens, and did not.
package struct Violation: Error, CustomStringConvertible {
    package let what: String
    package let time: Int64
    package var description: String { "after \(time) ms: \(what)" }
}

/// A cluster in virtual time: the real machines of coordinator and sessions, with a network, a disk, workers and a learner
/// that are simulated. The same plan gives the same course of events.
package final class World {
    struct Event: Comparable {
        var time: Int64
        var order: Int
        var action: () throws -> Void

        static func == (a: Event, b: Event) -> Bool { a.order == b.order }
        static func < (a: Event, b: Event) -> Bool { (a.time, a.order) < (b.time, b.order) }
    }

    /// Milliseconds of virtual time in which a run must be over once nothing goes wrong any more.
    private static let patience: Int64 = 400_000

    let plan: SimulationPlan
    var random: SeededRandom
    private(set) var now: Int64 = 0
    private var events = Heap<Event>()
    private var order = 0
    private var lastFault: Int64 = 0

    var settings: RunSettings
    /// How many runs have had the address.
    private(set) var run = 0
    private(set) var coordinator: SimulatedCoordinator!
    private(set) var workers: [SimulatedWorker] = []
    private(set) var learner: SimulatedLearner!
    /// What the learner of this run has learned after so many steps.
    private var learned: [Int: UInt64] = [:]
    private(set) var isOver = false
    /// Why the run failed, where that is the right end for this plan.
    private(set) var failure: RunEnding?
    package private(set) var trace: [String] = []
    private let keepsTrace: Bool
    /// Answers to jobs that were handed in.
    package private(set) var eventsHandled = 0

    package init(_ plan: SimulationPlan, keepsTrace: Bool = false) {
        self.plan = plan
        self.keepsTrace = keepsTrace
        random = SeededRandom(plan.seed ^ 0xA5A5)
        settings = Synthetic.settings(plan, seed: plan.seed)
        coordinator = SimulatedCoordinator(self)
        workers = (0..<plan.workers).map { SimulatedWorker(self, index: $0) }
        learner = SimulatedLearner(self)
    }

    var coordinatorRunID: String? { coordinator.runID }

    // MARK: - Time

    func after(_ delay: Int64, _ action: @escaping () throws -> Void) {
        order += 1
        events.insert(Event(time: now + max(0, delay), order: order, action: action))
    }

    func delay(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
    func chance(_ share: Int) -> Bool { Int.random(in: 0..<100, using: &random) < share }

    func note(_ text: @autoclosure () -> String) {
        if keepsTrace { trace.append("\(now) \(text())") }
    }

    func violate(_ what: String) -> Violation { Violation(what: what, time: now) }

    // MARK: - Course

    /// Runs to the end of the run.
    ///
    /// - Throws: ``Violation``
    package func simulate() throws(Violation) {
        do {
            try course()
        } catch {
            throw error as? Violation ?? violate("\(error)")
        }
    }

    private func course() throws {
        coordinator.start()
        for worker in workers { after(delay(0...300)) { worker.start() } }
        after(delay(0...300)) { [learner] in learner?.start() }
        for timed in plan.faults {
            after(timed.at) { [unowned self] in
                guard !isOver else { return }
                note("FAULT \(timed.fault)")
                apply(timed.fault)
            }
            lastFault = max(lastFault, timed.at + timed.fault.length)
        }
        while let event = events.popMin(), !isOver {
            now = event.time
            if now > lastFault + Self.patience {
                throw violate("the run does not end; \(coordinator.description)")
            }
            eventsHandled += 1
            try event.action()
        }
        guard isOver else { throw violate("nothing happens any more; \(coordinator.description)") }
        if failure != nil { return }
        let expected = Synthetic.expected(settings)
        guard learner.disk.checkpoint.digest == expected else {
            throw violate("the learner learned from something else")
        }
    }

    func finished(_ ending: RunEnding?) throws {
        if let ending {
            // Only who hangs for ever may be missing in the end, and only what happens to workers themselves may make a job
            // look like poison. A partition never does.
            let isExpected =
                (plan.isHopeless && ending.message.contains("waited"))
                || (plan.mayPoison && ending.message.contains("has taken"))
                || (plan.mayPoison || plan.hangs) && ending.message.contains("has come to nothing")
            guard isExpected else {
                throw violate("the run failed: \(ending.message)")
            }
            failure = ending
        } else if learner.disk.checkpoint.steps < settings.steps || !learner.disk.isExported {
            throw violate("the run is done, and the learner has not exported the policy")
        }
        isOver = true
    }

    func digest(of version: Int) -> UInt64? { version == 0 ? 0 : learned[version] }

    /// What is learned is a function of the batches: a step that is repeated leads to the same weights.
    func remember(_ weights: SimulatedLearner.Weights) throws {
        if let before = learned.updateValue(weights.digest, forKey: weights.steps), before != weights.digest {
            throw violate("step \(weights.steps) was repeated, and led to other weights")
        }
    }

    // MARK: - Faults

    private func apply(_ fault: SimulationPlan.Fault) {
        switch fault {
        case .crashCoordinator(let down, let written):
            coordinator.crash(written: written)
            after(down) { [unowned self] in coordinator.start() }
        case .crashWorker(let index, let down): workers[index].crash(down: down)
        case .crashLearner(let down, let host): learner.crash(down: down, host: host)
        case .hang(let index, let period): workers[index].hang(for: period)
        case .freeze(let index, let period):
            if index < workers.count { workers[index].freeze(for: period) } else { learner.freeze(for: period) }
        case .cut(let indices, let period): for index in indices { link(index).cut(for: period) }
        case .lose(let index, let share, let period): link(index).lose(share: share, for: period)
        case .disturb(let index, let share, let period): link(index).disturb(share: share, for: period)
        case .slowDisk(let period): coordinator.disk.slowUntil = now + period
        case .fullDisk: coordinator.disk.isFull = true
        case .standStill(let period): coordinator.standStill(for: period)
        case .drain(let index): coordinator.wish(.drain(workers[index].name))
        case .pause(let period):
            coordinator.wish(.pause(true))
            after(period) { [unowned self] in resume() }
        case .guardedPause(let period):
            learner.isGuarding = true
            insist(after: period)
        case .takeover(let down): takeOver(down: down)
        }
    }

    /// An operator insists until the run goes on: a wish that the disk did not take is forgotten by a restart.
    private func resume() {
        if coordinator.isUp { coordinator.wish(.pause(false)) }
        after(2_000) { [unowned self] in if !coordinator.goesOn { resume() } }
    }

    /// Whenever the guard's pause comes, somebody resumes.
    private func insist(after period: Int64) {
        after(period) { [unowned self] in
            if coordinator.isPaused { coordinator.wish(.pause(false)) }
            insist(after: 5_000)
        }
    }

    private func link(_ index: Int) -> Link { index < workers.count ? workers[index].link : learner.link }

    private func takeOver(down: Int64) {
        coordinator.crash(written: 0)
        run += 1
        settings = Synthetic.settings(plan, seed: plan.seed &+ UInt64(run) &* 977)
        coordinator = SimulatedCoordinator(self)
        learner.retire()
        learner = SimulatedLearner(self)
        learned = [:]
        after(down) { [unowned self, coordinator] in
            if coordinator === self.coordinator { coordinator?.start() }
        }
        after(down + delay(0...500)) { [unowned self, learner] in
            if learner === self.learner { learner?.start() }
        }
    }
}

extension SimulationPlan {
    /// True when enough happens to workers that one job may see three of them fall.
    var mayPoison: Bool {
        let blows = faults.count {
            switch $0.fault {
            case .crashWorker, .hang, .lose, .disturb: true
            default: false
            }
        }
        return blows >= Casualties.poison
    }

    /// True when some worker hangs.
    var hangs: Bool { faults.contains { if case .hang = $0.fault { true } else { false } } }

    /// True when nobody is left who could generate or score.
    var isHopeless: Bool {
        let hanging = Set(faults.compactMap { if case .hang(let worker, nil) = $0.fault { worker } else { nil } })
        return (0..<generators).allSatisfy(hanging.contains)
            || (generators..<workers).allSatisfy(hanging.contains)
    }
}

extension SimulationPlan.Fault {
    /// Milliseconds until it is over.
    var length: Int64 {
        switch self {
        case .crashCoordinator(let down, _), .crashWorker(_, let down), .crashLearner(let down, _), .takeover(let down):
            down
        case .hang(_, let period): period ?? 0
        case .freeze(_, let period), .cut(_, let period), .lose(_, _, let period), .disturb(_, _, let period),
            .slowDisk(let period), .standStill(let period), .pause(let period), .guardedPause(let period):
            period
        case .fullDisk, .drain: 0
        }
    }
}
