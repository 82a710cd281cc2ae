import ClusterModel
import Foundation
import Testing

/// What the run makes of keys that are added and revoked.
@Suite struct KeysOfPeersTests {
    private static func key(_ name: String) -> PeerKey { PeerKey(role: "generator", name: name, key: Data(name.utf8)) }

    private static func told(_ messages: [Message]) -> [[PeerKey]] {
        messages.compactMap { if case .peers(let keys) = $0 { keys } else { nil } }
    }

    /// When it joins, at every change, and again after a while: a message may be lost.
    @Test func theLearnerIsToldWhomToServe() throws {
        var bench = try RunBench()
        #expect(Self.told(bench.handle(.keys([Self.key("a")])).messages).isEmpty)
        bench.time = 100
        #expect(Self.told(bench.join(.learner, RunBench.learner)) == [[Self.key("a")]])
        #expect(Self.told(bench.join(.generator, RunBench.generator)).isEmpty)
        let both = [Self.key("a"), Self.key("b")]
        #expect(Self.told(bench.handle(.keys(both)).messages) == [both])
        let report = Message.report(WorkerReport(state: "wait"))
        #expect(Self.told(bench.say(RunBench.learner, report)).isEmpty)
        var again: [[PeerKey]] = []
        for _ in 0..<6 {
            _ = bench.pass(1_000)
            again += Self.told(bench.say(RunBench.learner, report))
        }
        #expect(again == [both])
        // That nobody is let in any more is said too.
        #expect(Self.told(bench.handle(.keys([])).messages) == [[]])
    }

    @Test func whereConnectionsHaveNoKeysTheLearnerHearsOfNone() throws {
        var bench = try RunBench()
        #expect(Self.told(bench.join(.learner, RunBench.learner)).isEmpty)
    }

    /// Nobody waits for the end of the lease of one that is cut off.
    @Test func whoseKeyIsRevokedLosesItsJobsAtOnce() throws {
        var bench = try RunBench()
        let grants = try bench.begin()
        let second = WorkerID(name: "h", incarnation: 1)
        _ = bench.join(.generator, second)
        _ = bench.say(second, .credit(slots: 2))
        let handed = RunBench.leases(bench.handle(.revoked([RunBench.generator])).messages)
        #expect(Set(handed.map(\.job.id)) == Set(grants.map(\.job.id)))
        #expect(!bench.machine.knows("g") && bench.machine.state == .running)
        // One that is not here changes nothing.
        #expect(bench.handle(.revoked([RunBench.generator, WorkerID(name: "x", incarnation: 1)])).messages.isEmpty)
    }
}
