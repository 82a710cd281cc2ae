import ClusterModel
import Foundation
import Testing

/// What goes on is in the log when it begins, when it ends, and once a minute in between.
@Suite struct AlarmsTests {
    /// The lines of the log about alarms: `begins` or `past`, and how often the alarm was raised.
    private static func lines(_ effects: [RunEffect]) -> [String] {
        effects.compactMap { effect in
            guard case .log(let line) = effect, line.details["code"] == "goes_on" else { return nil }
            return "\(line.message) \(line.details["times"] ?? "?")"
        }
    }

    @Test func oneThatIsRaisedInEachStepIsLoggedOnceAMinute() throws {
        var settings = RunBench.settings()
        settings.steps = 40
        settings.leaseMilliseconds = 600_000
        settings.graceMilliseconds = 600_000
        var bench = try RunBench(settings)
        var grants = try bench.begin()
        var told: [(step: Int, lines: [String])] = []
        for step in 0..<30 {
            var effects: [RunEffect] = []
            // Each step takes ten seconds; the alarm is raised in the first twenty, and in the last.
            if step < 20 || step == 29 {
                let alarm = Message.alarm(code: "goes_on", detail: "step \(step)")
                effects += bench.handle(
                    .messages([Incoming(peer: RunBench.learner, message: alarm, epoch: bench.machine.epoch)]))
            }
            try bench.answer(grants)
            let commit = Message.commit(step: step, metrics: Data("{}".utf8), RunBench.manifest(step + 1))
            _ = bench.say(RunBench.learner, commit, id: 9)
            let durable = bench.handle(.durable(try #require(bench.newest)))
            grants = RunBench.leases(durable.messages)
            effects += durable
            for _ in 0..<100 {
                effects += bench.pass(100)
                for peer in [RunBench.learner, RunBench.generator] {
                    _ = bench.say(peer, .report(WorkerReport(state: "busy")))
                }
            }
            let lines = Self.lines(effects)
            if !lines.isEmpty { told.append((step, lines)) }
        }
        #expect(
            told.map { "\($0.step): \($0.lines.joined(separator: ", "))" } == [
                "0: alarm 1", "6: alarm 7", "12: alarm 13", "18: alarm 19", "24: an alarm is past 20", "29: alarm 1",
            ])
    }
}
