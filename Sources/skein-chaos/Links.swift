import ClusterModel
import Foundation
import Synchronization

/// The proxies between the processes of one run: one between each worker and the coordinator, one before the weights that
/// the learner serves, and, where there may be a namespace, the way into it.
final class Links: Sendable {
    /// Proxies by the worker whose links they are.
    let proxies: [String: [Proxy]]
    let places: [String: WorkerPlace]
    /// Who lives in the namespace, if anybody does.
    let remote: String?
    let namespace: Namespace?
    private let relay: Relay?

    /// - Parameters:
    ///   - workers: names of all but the coordinator and the learner.
    ///   - coordinator: where it is at this moment.
    init(
        workers: [String], namespace: Namespace?, seed: UInt64,
        coordinator: @escaping @Sendable () -> Sockets.Place?
    ) throws {
        var proxies: [String: [Proxy]] = [:]
        var places: [String: WorkerPlace] = [:]
        let serve = Sockets.Place("127.0.0.1", try Self.freePort())
        let weights = try Proxy(at: Sockets.Place("127.0.0.1", 0), seed: seed, name: "weights") { serve }
        let own = try Proxy(at: Sockets.Place("127.0.0.1", 0), seed: seed, name: "learner", to: coordinator)
        proxies["learner"] = [own, weights]
        places["learner"] = WorkerPlace(
            coordinator: own.place, more: "--serve tcp://\(serve) --announce tcp://\(weights.place)")
        remote = namespace == nil ? nil : workers.last { $0.hasPrefix(Role.generator.rawValue) }
        var relay: Relay?
        for name in workers {
            if name == remote, let namespace {
                let near = try Proxy(at: Sockets.Place(namespace.host, 0), seed: seed, name: name, to: coordinator)
                let far = try Proxy(at: Sockets.Place(namespace.host, 0), seed: seed, name: "\(name) weights") { serve }
                // In the namespace the weights are at the address that the learner announces.
                relay = try Relay(in: namespace, [near.place.port: near.place, weights.place.port: far.place])
                proxies[name] = [near, far]
                places[name] = WorkerPlace(
                    coordinator: Sockets.Place("127.0.0.1", near.place.port),
                    prefix: "ip netns exec \(namespace.name)")
            } else {
                let proxy = try Proxy(at: Sockets.Place("127.0.0.1", 0), seed: seed, name: name, to: coordinator)
                proxies[name] = [proxy]
                places[name] = WorkerPlace(coordinator: proxy.place)
            }
        }
        self.proxies = proxies
        self.places = places
        self.namespace = namespace
        self.relay = relay
    }

    func close() {
        relay?.close()
        for proxy in proxies.values.joined() { proxy.close() }
    }

    /// A port below those that the system gives to others, so that a learner that is started again finds it free.
    private static func freePort() throws -> UInt16 {
        let first = 21_000 + Int(getpid()) % 8_000
        for port in first..<first + 2_000 {
            guard let found = try? Sockets.listen(at: Sockets.Place("127.0.0.1", UInt16(port))) else { continue }
            Foundation.close(found.descriptor)
            return UInt16(port)
        }
        throw Sockets.Failure(description: "no port from \(first) on is free")
    }
}

/// A process in the namespace that passes bytes from its loopback to this side of the link.
final class Relay: Sendable {
    private let process = Process()
    private let input = Pipe()

    init(in namespace: Namespace, _ routes: [UInt16: Sockets.Place]) throws {
        guard let own = Bundle.main.executablePath else {
            throw Command.Failure(description: "cannot tell where this executable lies")
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["ip", "netns", "exec", namespace.name, own, "relay"]
            + routes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        guard !output.fileHandleForReading.availableData.isEmpty else {
            throw Command.Failure(description: "the relay in the namespace \(namespace.name) did not start")
        }
    }

    func close() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
