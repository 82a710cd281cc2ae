import ClusterModel
import ClusterTestKit
import Testing

/// Whole clusters in virtual time. `scripts/simulate` runs many more of them.
@Suite struct SimulationTests {
    @Test(arguments: 0..<8) func whateverHappensTheRunEndsAsItShould(part: Int) {
        for seed in UInt64(part) * 100..<UInt64(part + 1) * 100 {
            let plan = SimulationPlan(seed: seed)
            do {
                try World(plan).simulate()
            } catch {
                Issue.record("\(error)\n\(plan)")
            }
        }
    }

    /// A simulator that finds nothing shows nothing.
    @Test(arguments: PlantedBug.allCases) func plantedFaultsAreFound(_ bug: PlantedBug) {
        let found = (1...1_000).contains { seed in
            do {
                try World(SimulationPlan(seed: UInt64(seed), planted: [bug])).simulate()
                return false
            } catch {
                return true
            }
        }
        #expect(found)
    }

    @Test func aScheduleIsItsSeed() {
        for seed in UInt64(1)...20 {
            let courses = (0..<2).map { _ in
                let world = World(SimulationPlan(seed: seed), keepsTrace: true)
                try? world.simulate()
                return world.trace
            }
            #expect(!courses[0].isEmpty && courses[0] == courses[1])
        }
    }
}
