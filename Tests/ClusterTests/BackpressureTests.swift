import Cluster
import ClusterModel
import Dispatch
import Foundation
import Logging
import Cryptography
import Synchronization
import Testing
import Transport
import ZeroMQ

/// A coordinator that does not read for a while, and a worker that goes on talking.
@Suite struct BackpressureTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private final class Coordinator: Sendable {
        let seen = Mutex<[Int]>([])
        let endpoint = Mutex<ServerEndpoint?>(nil)

        func receive(_ batch: [Incoming]) {
            for incoming in batch {
                switch incoming.message {
                case .hello:
                    let welcome = Welcome(
                        runID: "run", epoch: 1, setup: nil, artifacts: [], leaseMilliseconds: 1000,
                        graceMilliseconds: 1000)
                    endpoint.withLock { $0 }?.send([
                        Outgoing(incoming.peer, .welcome(welcome), inReplyTo: incoming.id)
                    ])
                case .alarm(let code, _): seen.withLock { $0.append(Int(code) ?? -1) }
                default: break
                }
            }
        }
    }

    /// Far more than both sockets and the system hold between them: all of it arrives, in order.
    @Test func nothingIsLostAndTheOrderHolds() async throws {
        let (server, client) = (try SocketThread(), try SocketThread())
        defer {
            server.stop()
            client.stop()
        }
        let coordinator = Coordinator()
        let endpoint = try await ServerEndpoint.listen(
            on: server, address: "tcp://127.0.0.1:0", epoch: 1, logger: Self.quiet
        ) { coordinator.receive($0) }
        coordinator.endpoint.withLock { $0 = endpoint }
        let link = try await WorkerLink.connect(
            on: client, to: endpoint.address,
            as: WorkerLink.Identity(
                role: .learner, name: "talker", capabilities: Capabilities(), incarnation: Secrets.randomUInt64()),
            logger: Self.quiet)
        while link.lastContact == nil { try await Task.sleep(for: .milliseconds(10)) }
        let gate = DispatchSemaphore(value: 0)
        server.perform { gate.wait() }
        let count = 30_000
        let detail = String(repeating: "x", count: 2000)
        for number in 0..<count { link.tell(.alarm(code: "\(number)", detail: detail)) }
        // The socket thread takes its turns in order: after this one, each message is in the socket or behind it.
        _ = await link.isFlushed()
        gate.signal()
        let end = ContinuousClock.now + .seconds(240)
        while coordinator.seen.withLock({ $0.count }) < count, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(coordinator.seen.withLock { $0 == Array(0..<count) })
    }
}
