import ArgumentParser
import ClusterModel
import ClusterTestKit
import Foundation
import Synchronization

/// Runs clusters in virtual time, each with other faults, and shows the smallest schedule that breaks a promise.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein-simulate",
        abstract: "Run simulated clusters with faults of every kind, and check what must hold whatever happens.")

    @Option(help: "How many schedules.") var schedules = 10_000
    @Option(help: "Seed of the first schedule; the others follow.") var seed: UInt64 = 1
    @Option(help: "Threads.") var threads = 2
    @Option(help: "Plant a fault: \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", ")).") var plant: String?
    @Flag(help: "Print the course of events of the schedule of --seed.") var trace = false

    func validate() throws {
        if let plant, PlantedBug(rawValue: plant) == nil {
            throw ValidationError("--plant \(plant): there is no such fault")
        }
        guard schedules > 0, threads > 0 else { throw ValidationError("--schedules and --threads must be above 0") }
    }

    func run() throws {
        let planted = Set(plant.flatMap(PlantedBug.init(rawValue:)).map { [$0] } ?? [])
        if trace {
            let plan = SimulationPlan(seed: seed, planted: planted)
            let world = World(plan, keepsTrace: true)
            let result = Result { try world.simulate() }
            print(plan, world.trace.joined(separator: "\n"), separator: "\n")
            if case .failure(let violation) = result { try fail(violation) }
            return
        }
        let start = ContinuousClock.now
        let next = Atomic<Int>(0)
        let found = Mutex<(plan: SimulationPlan, violation: Violation)?>(nil)
        let (first, count) = (seed, schedules)
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while found.withLock({ $0 == nil }) {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard number < count else { return }
                let plan = SimulationPlan(seed: first &+ UInt64(number), planted: planted)
                if let violation = Self.violation(of: plan) {
                    found.withLock { if plan.seed < $0?.plan.seed ?? .max { $0 = (plan, violation) } }
                }
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let tried = min(next.load(ordering: .relaxed), count)
        if let (plan, violation) = found.withLock({ $0 }) {
            let (smallest, reason) = Self.shrunk(plan, violation)
            print("a violation in schedule \(plan.seed &- first &+ 1), found in \(Int(seconds)) s; at its smallest:")
            print(smallest)
            try fail(reason)
        }
        print("\(tried) schedules in \(Int(seconds)) s: everything holds")
    }

    private func fail(_ violation: any Error) throws {
        print("VIOLATION \(violation)")
        throw ExitCode.failure
    }

    private static func violation(of plan: SimulationPlan) -> Violation? {
        do throws(Violation) {
            try World(plan).simulate()
            return nil
        } catch {
            return error
        }
    }

    /// Takes out what can go as long as something still breaks.
    private static func shrunk(_ plan: SimulationPlan, _ violation: Violation) -> (SimulationPlan, Violation) {
        for smaller in plan.smaller {
            if let still = Self.violation(of: smaller) { return shrunk(smaller, still) }
        }
        return (plan, violation)
    }
}
