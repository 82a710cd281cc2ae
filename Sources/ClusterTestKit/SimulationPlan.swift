package import ClusterModel

/// One schedule: who takes part, and what goes wrong when. Drawn from a seed; a part can be taken out to find the smallest
/// plan that still fails.
package struct SimulationPlan: Sendable, CustomStringConvertible {
    package enum Fault: Sendable, Hashable {
        /// `written`: how many of the entries that were on their way to the disk arrive there, unbeknown.
        case crashCoordinator(down: Int64, written: Int)
        case crashWorker(Int, down: Int64)
        /// `host`: its machine goes with it, so that what was not synced may be lost.
        case crashLearner(down: Int64, host: Bool)
        /// Pulses, and makes no progress; `nil`: for ever.
        case hang(Int, for: Int64?)
        /// SIGSTOP; messages queue up.
        case freeze(Int, for: Int64)
        /// The connections of these workers are lost; the learner is the last.
        case cut([Int], for: Int64)
        /// Messages of this worker, both ways, are lost at this share of 100, or come twice, late or in another order.
        case lose(Int, share: Int, for: Int64)
        case disturb(Int, share: Int, for: Int64)
        case slowDisk(for: Int64)
        case fullDisk
        /// The coordinator's machine stood still.
        case standStill(for: Int64)
        case drain(Int)
        case pause(for: Int64)
        /// The learner's guard asks for a pause, and the operator resumes after a while.
        case guardedPause(for: Int64)
        /// Another run takes over the address.
        case takeover(down: Int64)
    }

    package struct Timed: Sendable, Hashable {
        package var at: Int64
        package var fault: Fault
    }

    package var seed: UInt64
    package var generators = 2
    package var scorers = 1
    package var steps = 3
    package var lag = 0
    /// Steps between two checkpoints of the learner.
    package var checkpointEvery = 1
    package var faults: [Timed] = []
    package var planted: Set<PlantedBug> = []

    package var workers: Int { generators + scorers }

    package init(seed: UInt64, planted: Set<PlantedBug> = []) {
        self.seed = seed
        self.planted = planted
        var random = SeededRandom(seed)
        generators = Int.random(in: 1...3, using: &random)
        scorers = Int.random(in: 1...2, using: &random)
        steps = Int.random(in: 2...5, using: &random)
        lag = Int.random(in: 0...1, using: &random)
        checkpointEvery = Int.random(in: 1...3, using: &random)
        // Some schedules are quiet, so that what goes wrong without a fault is found as such.
        let count = Int.random(in: 0...6, using: &random)
        for _ in 0..<count {
            faults.append(Timed(at: Int64.random(in: 0...12_000, using: &random), fault: fault(&random)))
        }
        faults.sort { $0.at < $1.at }
    }

    private func fault(_ random: inout SeededRandom) -> Fault {
        let worker = Int.random(in: 0..<workers, using: &random)
        // The learner is the last.
        let process = Int.random(in: 0...workers, using: &random)
        func period(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
        switch Int.random(in: 0..<18, using: &random) {
        case 0, 1, 2:
            return .crashCoordinator(
                down: period(50...8_000), written: Int.random(in: 0...4, using: &random))
        case 3, 4: return .crashWorker(worker, down: period(50...6_000))
        case 5, 17: return .crashLearner(down: period(50...6_000), host: Bool.random(using: &random))
        case 6: return .hang(worker, for: Bool.random(using: &random) ? nil : period(500...15_000))
        case 7: return .freeze(process, for: period(100...15_000))
        case 8:
            let some = (0...workers).filter { _ in Bool.random(using: &random) }
            return .cut(some.isEmpty ? [worker] : some, for: period(50...12_000))
        case 9: return .lose(process, share: Int.random(in: 1...60, using: &random), for: period(500...6_000))
        case 10: return .disturb(process, share: Int.random(in: 1...60, using: &random), for: period(500...10_000))
        case 11: return .slowDisk(for: period(500...6_000))
        case 12: return .fullDisk
        case 13: return .standStill(for: period(500...30_000))
        case 14: return Bool.random(using: &random) ? .drain(worker) : .pause(for: period(100...30_000))
        case 15: return .guardedPause(for: period(100...20_000))
        default: return .takeover(down: period(50...5_000))
        }
    }

    /// Plans with less in them, most promising first.
    package var smaller: [SimulationPlan] {
        var plans: [SimulationPlan] = []
        for index in faults.indices {
            var plan = self
            plan.faults.remove(at: index)
            plans.append(plan)
        }
        // Faults name workers by number, so only what no fault names may go.
        let named = faults.flatMap(\.fault.workers).max() ?? -1
        if scorers > 1, named < workers - 1 {
            var plan = self
            plan.scorers -= 1
            plans.append(plan)
        }
        if steps > 1 {
            var plan = self
            plan.steps -= 1
            plans.append(plan)
        }
        if lag > 0 {
            var plan = self
            plan.lag = 0
            plans.append(plan)
        }
        if checkpointEvery > 1 {
            var plan = self
            plan.checkpointEvery = 1
            plans.append(plan)
        }
        return plans
    }

    package var description: String {
        let bugs = planted.map(\.rawValue).sorted().joined(separator: " ")
        let head =
            "seed \(seed): \(generators) generators, \(scorers) scorers, \(steps) steps, lag \(lag), a checkpoint "
            + "each \(checkpointEvery)"
            + (bugs.isEmpty ? "" : ", planted: \(bugs)")
        return ([head] + faults.map { "  at \($0.at) ms: \($0.fault)" }).joined(separator: "\n")
    }
}

extension SimulationPlan.Fault {
    var workers: [Int] {
        switch self {
        case .crashWorker(let worker, _), .hang(let worker, _), .freeze(let worker, _), .lose(let worker, _, _),
            .disturb(let worker, _, _), .drain(let worker):
            [worker]
        case .cut(let workers, _): workers
        default: []
        }
    }
}
