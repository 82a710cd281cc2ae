import Cluster
import ClusterModel
import Foundation
import Transport
import ZeroMQ

/// The cost of CURVE: the same work with keys and without, in turn, and the medians.
enum CurveBenchmark {
    struct Result: Codable {
        var without: Side
        var with: Side
        /// How many fewer round trips there are, in per cent of those without.
        var pipelinedCostPercent: Double
        var lockstepCostPercent: Double

        enum CodingKeys: String, CodingKey {
            case without, with
            case pipelinedCostPercent = "pipelined_cost_percent"
            case lockstepCostPercent = "lockstep_cost_percent"
        }
    }

    struct Side: Codable {
        var pipelinedPerSecond: Double
        var lockstepP50Milliseconds: Double
        /// From one server to four pullers, each with a thread of sockets of its own, in sum.
        var weightGigabytesPerSecond: Double

        enum CodingKeys: String, CodingKey {
            case pipelinedPerSecond = "pipelined_per_s"
            case lockstepP50Milliseconds = "lockstep_p50_ms"
            case weightGigabytesPerSecond = "weights_gb_per_s"
        }
    }

    private static let pullers = 4
    private static let bytes = 128 << 20

    static func run(rounds: Int) async throws -> Result {
        var sides: [Bool: [Side]] = [:]
        for _ in 0..<rounds {
            for isKeyed in [false, true] { sides[isKeyed, default: []].append(try await measure(isKeyed)) }
        }
        func median(_ isKeyed: Bool, _ figure: (Side) -> Double) -> Double {
            let all = (sides[isKeyed] ?? []).map(figure).sorted()
            return all[all.count / 2]
        }
        func side(_ isKeyed: Bool) -> Side {
            Side(
                pipelinedPerSecond: median(isKeyed, \.pipelinedPerSecond),
                lockstepP50Milliseconds: median(isKeyed, \.lockstepP50Milliseconds),
                weightGigabytesPerSecond: median(isKeyed, \.weightGigabytesPerSecond))
        }
        let (without, with) = (side(false), side(true))
        return Result(
            without: without, with: with,
            pipelinedCostPercent: 100 * (1 - with.pipelinedPerSecond / without.pipelinedPerSecond),
            lockstepCostPercent: 100 * (1 - without.lockstepP50Milliseconds / with.lockstepP50Milliseconds))
    }

    private static func measure(_ isKeyed: Bool) async throws -> Side {
        let trips = try await DispatchBenchmark.run(isKeyed: isKeyed)
        return Side(
            pipelinedPerSecond: trips.pipelinedPerSecond, lockstepP50Milliseconds: trips.lockstepP50Milliseconds,
            weightGigabytesPerSecond: try await weights(isKeyed))
    }

    private static func weights(_ isKeyed: Bool) async throws -> Double {
        let roster = AnnouncedPeers()
        let keys = try (0..<pullers).map { _ in try KeyPair.make() }
        roster.set(
            keys.enumerated().map {
                PeerKey(role: "generator", name: "puller-\($0.offset)", key: Data($0.element.publicKey.bytes))
            })
        let thread = try SocketThread(roster: roster)
        defer { thread.stop() }
        let server = try await ArtifactServer.listen(
            on: thread, address: "tcp://127.0.0.1:0", security: isKeyed ? .server(.make()) : .none, roster: roster,
            logger: Load.log)
        let manifest = server.serve(
            kind: .policy, version: PolicyVersion(epoch: 1, number: 1),
            files: [ServedFile(name: "model.safetensors", data: Data(repeating: 7, count: bytes))])
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pair in keys {
                group.addTask {
                    let own = try SocketThread()
                    defer { own.stop() }
                    let client = ArtifactClient(on: own, keys: isKeyed ? pair : nil, logger: Load.log)
                    _ = try await client.pull(manifest)
                }
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return Double(bytes * pullers) / seconds / 1e9
    }
}
