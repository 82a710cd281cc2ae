package import ClusterModel
import DequeModule
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
        /// Connections that did not come about: other keys, or none.
        package var failedHandshakes: UInt64 = 0
    }

    private struct State {
        /// Routing ids of those that said HELLO, which every message needs both ways.
        var identities: [WorkerID: [UInt8]] = [:]
        var peers: [[UInt8]: WorkerID] = [:]
        var offences: [[UInt8]: Offences] = [:]
        var backlog: [WorkerID: Backlog] = [:]
        var gate: Gate
        /// By which key those that said HELLO came.
        var keys: [WorkerID: PublicKey] = [:]
    }

    /// What waits to be sent to a slow peer.
    private struct Backlog {
        var messages: Deque<[Frame]> = []
        var bytes = 0
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
    private static let backlogBytesAllowed = 64 << 20
    private static let identitiesRemembered = 10_000

    package let thread: any TransportLoop
    package let address: String
    package let epoch: UInt64
    /// Who was refused by its key, for the status.
    package let refusals: RefusalLog
    private let logger: Logger
    private let counts = Mutex(Counters())
    private let socket: any TransportSocket
    // SAFETY: touched on the socket thread alone.
    nonisolated(unsafe) private var state: State
    private let onBatch: @Sendable ([Incoming]) -> Void

    /// Listens at `address`; `tcp://127.0.0.1:0` takes a free port. Throws when the address is taken or not private.
    ///
    /// - Parameters:
    ///   - security: with keys at tcp addresses, the roster of `thread` says who may connect.
    ///   - roster: the same one. It is asked about each message too.
    package static func listen(
        on thread: any TransportLoop, address: String, epoch: UInt64, security: SocketSecurity = .none,
        roster: (any Roster)? = nil, refusals: RefusalLog = RefusalLog(), logger: Logger,
        onBatch: @escaping @Sendable ([Incoming]) -> Void
    ) async throws -> ServerEndpoint {
        let security = security.at(address)
        return try await thread.run {
            let socket = try thread.open(.router, security: security)
            let bound = try socket.bind(address)
            let endpoint = ServerEndpoint(
                thread: thread, socket: socket, address: bound, epoch: epoch,
                gate: Gate(security.isEncrypted ? roster ?? Nobody() : nil), refusals: refusals, logger: logger,
                onBatch: onBatch)
            try thread.watchConnection(of: socket) { [weak endpoint] event in endpoint?.connectionChanged(event) }
            thread.watch(socket) { [weak endpoint] in endpoint?.receive() }
            thread.every(.milliseconds(50)) { [weak endpoint] in endpoint?.flushBacklog() }
            return endpoint
        }
    }

    private init(
        thread: any TransportLoop, socket: any TransportSocket, address: String, epoch: UInt64, gate: Gate,
        refusals: RefusalLog, logger: Logger, onBatch: @escaping @Sendable ([Incoming]) -> Void
    ) {
        state = State(gate: gate)
        self.refusals = refusals
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
            state.keys[peer] = nil
        }
    }

    /// Those that came by one of these keys. What they say is refused already; this says whom the run has lost.
    package func holders(of keys: Set<PublicKey>) -> [WorkerID] {
        state.keys.filter { keys.contains($0.value) }.keys.sorted()
    }

    package func close() {
        thread.perform { [self] in
            thread.unwatch(socket)
            socket.close()
        }
    }

    // MARK: - On the socket thread

    private func connectionChanged(_ event: ConnectionEvent) {
        guard event == .keyRefused || event == .noAgreement else { return }
        counts.withLock { $0.failedHandshakes += 1 }
    }

    private func receive() {
        var batch: [Incoming] = []
        // Bounded, so that sending gets its turn under a flood.
        for _ in 0..<1024 {
            guard let received = socket.take() else { break }
            if let incoming = admit(received) { batch.append(incoming) }
        }
        if !batch.isEmpty { onBatch(batch) }
    }

    private func admit(_ received: Received) -> Incoming? {
        let frames = received.frames
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
            do {
                try state.gate.check(envelope.message, from: received.peer, as: peer, at: thread.now)
            } catch {
                object(error, to: received.peer, identity, inReplyTo: envelope.id)
                return nil
            }
            if case .hello(let hello) = envelope.message {
                guard hello.id == peer else {
                    throw ClusterError(.malformed, "HELLO names another worker than the routing id")
                }
                remember(peer, identity)
                state.keys[peer] = received.peer?.key
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

    /// A peer that says what its key does not allow.
    private func object(_ objection: Gate.Objection, to sender: Peer?, _ identity: [UInt8], inReplyTo id: UInt64) {
        counts.withLock { $0.refused += 1 }
        let who = sender.map { "\($0.role) \($0.name)" } ?? Self.printable(identity)
        if refusals.note(who, objection.why) {
            logger.warning("a peer is refused", metadata: ["peer": "\(who)", "why": "\(objection.why)"])
        }
        guard let answer = objection.answer else { return }
        say(.refused(code: answer.code.rawValue, message: answer.message), to: identity, inReplyTo: id)
    }

    private func say(_ message: Message, to identity: [UInt8], inReplyTo id: UInt64 = 0) {
        guard let frames = try? Codec.encode(Envelope(inReplyTo: id, epoch: epoch, message)) else { return }
        _ = socket.send(frames, to: identity)
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
            state.keys.removeAll()
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
        say(.refused(code: Refusal.Code.malformed.rawValue, message: reason), to: identity)
    }

    private func deliver(_ outgoing: Outgoing) {
        let frames: [Frame]
        do {
            frames = try Codec.encode(Envelope(inReplyTo: outgoing.inReplyTo, epoch: epoch, outgoing.message))
        } catch {
            logger.error("a message cannot be sent", metadata: ["peer": "\(outgoing.peer)", "reason": "\(error)"])
            return
        }
        // In order, so behind what waits already.
        if state.backlog[outgoing.peer] == nil, attempt(frames, to: outgoing.peer) { return }
        state.backlog[outgoing.peer, default: Backlog()].messages.append(frames)
        state.backlog[outgoing.peer]?.bytes += Self.size(frames)
    }

    private static func size(_ frames: [Frame]) -> Int { frames.reduce(0) { $0 + $1.count } }

    /// False when the peer cannot take it now.
    private func attempt(_ frames: [Frame], to peer: WorkerID) -> Bool {
        let identity = state.identities[peer] ?? Array(peer.routingID.utf8)
        switch socket.send(frames, to: identity) {
        case .sent:
            counts.withLock {
                $0.sent += 1
                $0.sentBytes += UInt64(Self.size(frames))
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
            var rest = waiting
            while let next = rest.messages.first, attempt(next, to: peer) {
                rest.messages.removeFirst()
                rest.bytes -= Self.size(next)
            }
            if rest.messages.count > Self.backlogAllowed || rest.bytes > Self.backlogBytesAllowed {
                logger.warning("a slow peer's messages are dropped", metadata: ["peer": "\(peer)"])
                rest = Backlog()
            }
            state.backlog[peer] = rest.messages.isEmpty ? nil : rest
        }
    }
}

/// Where connections have keys and nobody says whose count, none does.
private final class Nobody: Roster {
    func peer(of key: PublicKey) -> Peer? { nil }
    func refused(_ key: PublicKey?, from address: String, why: String) {}
}
