import ClusterModel
import Testing

/// What is told of workers whose processes end again and again.
@Suite struct DyingWorkersTests {
    /// A plain kill -9 says nothing about a job, and three of them at the same job say something to people.
    @Test func whatWorkersWereKilledAtIsNamed() throws {
        var settings = RunBench.settings()
        settings.promptsPerJob = 2
        var bench = try RunBench(settings)
        bench.open()
        var seen: [[String]] = []
        for incarnation in 1...4 {
            let worker = WorkerID(name: "g\(incarnation % 2)", incarnation: UInt64(incarnation))
            _ = bench.pass(200)
            _ = bench.join(.generator, worker, pid: incarnation)
            #expect(RunBench.leases(bench.say(worker, .credit(slots: 1))).count == 1)
            let effects = bench.handle(.wish(.lost(worker.name, pid: incarnation, byItself: false)))
            // Each is told with what it had.
            let line = effects.compactMap { if case .log(let line) = $0, line.message == "lost" { line } else { nil } }
            #expect(line.map { $0.details["job"] } == ["generate/0/0"])
            var machine = bench.machine
            seen.append(machine.snapshot(at: bench.time).alarms.map { "\($0.code): \($0.detail)" })
        }
        #expect(seen[0].isEmpty && seen[1].isEmpty)
        let words = "job_deaths: 3 generators died holding job generate/0/0 (generating answers in step 1), on g0, g1;"
        #expect(seen[2].count == 1 && seen[2].first?.hasPrefix(words) == true, "\(seen[2])")
        #expect(seen[3].first?.contains("4 generators died") == true)
        #expect(bench.machine.state == .running)
    }

    /// One that dies again and again is one row of the status, and many that die are some rows.
    @Test func workersThatAreGoneDoNotPileUp() throws {
        var bench = try RunBench()
        bench.open()
        func gone() -> [String] {
            var machine = bench.machine
            return machine.snapshot(at: bench.time).workerList.filter { $0.state == "gone" }.map(\.id)
        }
        for incarnation in 1...5 {
            let worker = WorkerID(name: "g", incarnation: UInt64(incarnation))
            _ = bench.join(.generator, worker, pid: incarnation)
            _ = bench.handle(.wish(.lost("g", pid: incarnation, byItself: false)))
            // The last one that went.
            #expect(gone() == [worker.routingID])
        }
        _ = bench.join(.generator, WorkerID(name: "g", incarnation: 6), pid: 6)
        #expect(gone() == [WorkerID(name: "g", incarnation: 5).routingID])
        for number in 1...100 {
            _ = bench.join(.generator, WorkerID(name: "w\(number)", incarnation: 1), pid: 100 + number)
            _ = bench.handle(.wish(.lost("w\(number)", pid: 100 + number, byItself: false)))
        }
        #expect(gone().count == 20)
    }
}
