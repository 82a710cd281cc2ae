package import ClusterModel
package import Logging
import Synchronization
package import Transport

/// The coordinator's socket: a ROUTER to which every worker and the learner connect.
///
/// Lives on the socket thread; `onBatch` is called there with everything that was ready in one turn. Bytes that are no
/// message are counted and refused, and a peer that goes on sending such bytes is muted.
package final class ServerEndpoint: Sendable {
    package struct Counters: Sendable {
        package var received: UInt64 = 0
        package var sent: UInt64 = 0
        package var receivedBytes: UInt64 = 0
        package var sentBytes: UInt64 = 0
        package var malformed: UInt64 = 0
        package var damaged: UInt64 = 0
        package var muted: UInt64 = 0
        package var refused: UInt64 = 0
        package var unreachable: UInt64 = 0
    }

    private struct State {
        /// Routing ids of those that said HELLO, which every message needs both ways.
        var identities: [WorkerID: [UInt8]] = [:]
        var peers: [[UInt8]: WorkerID] = [:]
        var offences: [[UInt8]: Offences] = [:]
        var backlog: [WorkerID: [Outgoing]] = [:]
    }

    private struct Offences {
        var count = 0
        var last: ContinuousClock.Instant
    }

    private static let offencesAllowed = 5
    /// After so long without another offence all are forgotten: a bad network makes garbage of what an honest peer says.
    private static let offencesKept: Duration = .seconds(10)
    /// Peers of whom offences are remembered; a flood of names must not fill the memory.
    private static let offendersRemembered = 1000
    private static let backlogAllowed = 2000
    private static let identitiesRemembered = 10_000

    package let thread: any TransportLoop
    package let address: String
    package let epoch: UInt64
    private let logger: Logger
    private let counts = Mutex(Counters())
    private let socket: any TransportSocket
    // SAFETY: touched on the socket thread alone.
    nonisolated(unsafe) private var state = State()
    private let onBatch: @Sendable ([Incoming]) -> Void

    /// Listens at `address`; `tcp://127.0.0.1:0` takes a free port. Throws when the address is taken or not private.
    package static func listen(
        on thread: any TransportLoop, address: String, epoch: UInt64, logger: Logger,
        onBatch: @escaping @Sendable ([Incoming]) -> Void
    ) async throws -> ServerEndpoint {
        try await thread.run {
            let socket = try thread.open(.router)
            let bound = try socket.bind(address)
            let endpoint = ServerEndpoint(
                thread: thread, socket: socket, address: bound, epoch: epoch, logger: logger, onBatch: onBatch)
            thread.watch(socket) { [weak endpoint] in endpoint?.receive() }
            thread.every(.milliseconds(50)) { [weak endpoint] in endpoint?.flushBacklog() }
            return endpoint
        }
    }

    private init(
        thread: any TransportLoop, socket: any TransportSocket, address: String, epoch: UInt64, logger: Logger,
        onBatch: @escaping @Sendable ([Incoming]) -> Void
    ) {
        self.thread = thread
        self.socket = socket
        self.address = address
        self.epoch = epoch
        self.logger = logger
        self.onBatch = onBatch
    }

    package var counters: Counters { counts.withLock { $0 } }

    /// Sends in order; from any thread.
    package func send(_ messages: [Outgoing]) {
        guard !messages.isEmpty else { return }
        if thread.isCurrent {
            for message in messages { deliver(message) }
        } else {
            thread.perform { [self] in for message in messages { deliver(message) } }
        }
    }

    /// A peer that left or was declared lost: what still waits to be sent to it is dropped.
    package func forget(_ peer: WorkerID) {
        thread.perform { [self] in
            if let identity = state.identities.removeValue(forKey: peer) { state.peers[identity] = nil }
            state.backlog[peer] = nil
        }
    }

    package func close() {
        thread.perform { [self] in
            thread.unwatch(socket)
            socket.close()
        }
    }

    // MARK: - On the socket thread

    private func receive() {
        var batch: [Incoming] = []
        // Bounded, so that sending gets its turn under a flood.
        for _ in 0..<1024 {
            guard let frames = socket.receive() else { break }
            if let incoming = admit(frames) { batch.append(incoming) }
        }
        if !batch.isEmpty { onBatch(batch) }
    }

    private func admit(_ frames: [[UInt8]]) -> Incoming? {
        guard let identity = frames.first else { return nil }
        counts.withLock {
            $0.received += 1
            $0.receivedBytes += UInt64(frames.reduce(0) { $0 + $1.count })
        }
        if isMuted(identity) {
            counts.withLock { $0.muted += 1 }
            return nil
        }
        let envelope: Envelope
        do {
            let peer = try state.peers[identity] ?? Self.peer(identity)
            envelope = try Codec.decode(frames.dropFirst())
            if case .hello(let hello) = envelope.message {
                guard hello.id == peer else {
                    throw ClusterError(.malformed, "HELLO names another worker than the routing id")
                }
                remember(peer, identity)
            }
            return Incoming(
                peer: peer, message: envelope.message, id: envelope.id, epoch: envelope.epoch,
                frames: Array(frames.dropFirst()))
        } catch let error as ClusterError where error.code == .damaged {
            // The network's fault and not the sender's, who says again what is not answered.
            counts.withLock { $0.damaged += 1 }
            logger.warning("a damaged message is dropped", metadata: ["peer": "\(Self.printable(identity))"])
            return nil
        } catch {
            offend(identity, "\(error)")
            return nil
        }
    }

    private func isMuted(_ identity: [UInt8]) -> Bool {
        guard let offences = state.offences[identity] else { return false }
        if thread.now - offences.last > Self.offencesKept { state.offences[identity] = nil }
        return state.offences[identity]?.count ?? 0 >= Self.offencesAllowed
    }

    private func remember(_ peer: WorkerID, _ identity: [UInt8]) {
        // Both only save the conversion; a flood of names must not fill the memory.
        if state.identities.count >= Self.identitiesRemembered {
            state.identities.removeAll()
            state.peers.removeAll()
        }
        state.identities[peer] = identity
        state.peers[identity] = peer
    }

    private static func peer(_ identity: [UInt8]) throws -> WorkerID {
        guard let text = String(validating: identity, as: UTF8.self), let peer = WorkerID(routingID: text) else {
            throw ClusterError(.malformed, "the routing id is not name#incarnation")
        }
        return peer
    }

    private static func printable(_ identity: [UInt8]) -> String {
        String(decoding: identity.prefix(60).map { $0 > 32 && $0 < 127 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private func offend(_ identity: [UInt8], _ reason: String) {
        let count = (state.offences[identity]?.count ?? 0) + 1
        if state.offences.count < Self.offendersRemembered || count > 1 {
            state.offences[identity] = Offences(count: count, last: thread.now)
        }
        counts.withLock { $0.malformed += 1 }
        logger.warning(
            "malformed message refused",
            metadata: [
                "peer": "\(Self.printable(identity))", "reason": "\(reason)", "offences": "\(count)",
                "muted": "\(count >= Self.offencesAllowed)",
            ])
        counts.withLock { $0.refused += 1 }
        let refusal = Message.refused(code: Refusal.Code.malformed.rawValue, message: reason)
        let envelope = Envelope(epoch: epoch, refusal)
        guard let frames = try? Codec.encode(envelope) else { return }
        _ = socket.send(frames, to: identity)
    }

    private func deliver(_ outgoing: Outgoing) {
        if state.backlog[outgoing.peer] != nil {
            state.backlog[outgoing.peer]?.append(outgoing)
            return
        }
        if !attempt(outgoing) { state.backlog[outgoing.peer] = [outgoing] }
    }

    /// False when the peer cannot take it now.
    private func attempt(_ outgoing: Outgoing) -> Bool {
        let frames: [Frame]
        do {
            frames = try Codec.encode(Envelope(inReplyTo: outgoing.inReplyTo, epoch: epoch, outgoing.message))
        } catch {
            logger.error("a message cannot be sent", metadata: ["peer": "\(outgoing.peer)", "reason": "\(error)"])
            return true
        }
        let identity = state.identities[outgoing.peer] ?? Array(outgoing.peer.routingID.utf8)
        switch socket.send(frames, to: identity) {
        case .sent:
            counts.withLock {
                $0.sent += 1
                $0.sentBytes += UInt64(frames.reduce(0) { $0 + $1.count })
            }
            return true
        case .full: return false
        case .unreachable:
            // Its lease ends by itself; if it comes back it says HELLO and is told everything anew.
            counts.withLock { $0.unreachable += 1 }
            return true
        }
    }

    private func flushBacklog() {
        for (peer, waiting) in state.backlog {
            var rest = waiting[...]
            while let next = rest.first, attempt(next) { rest.removeFirst() }
            if rest.count > Self.backlogAllowed {
                logger.warning("a slow peer's messages are dropped", metadata: ["peer": "\(peer)"])
                rest = []
            }
            state.backlog[peer] = rest.isEmpty ? nil : Array(rest)
        }
    }
}
