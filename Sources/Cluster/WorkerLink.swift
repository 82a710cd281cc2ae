package import ClusterModel
import DequeModule
import Foundation
package import Logging
import Synchronization
package import Transport

/// A worker's or the learner's connection to the coordinator: a DEALER, and the interpreter of ``SessionMachine``, which
/// has the rules. `tell` may be called from any thread, the compute thread too.
package final class WorkerLink: Sendable {
    package typealias Identity = SessionMachine.Identity

    private struct State {
        var machine: SessionMachine
        var asks: [UInt64: CheckedContinuation<Message, any Error>] = [:]
        var nextAsk: UInt64 = 1
        /// Messages that the connection could not take yet, oldest first.
        var unsent: Deque<[Frame]> = []
        var sink: (@Sendable (Message?) -> Void)?
        /// What came before there was a sink.
        var undelivered: [Message?] = []
        /// What was last said of a handshake that failed: once is enough.
        var complaint = ""
    }

    package let identity: Identity
    private let thread: any TransportLoop
    private let logger: Logger
    private let socket: any TransportSocket
    private let address: String
    private let start: ContinuousClock.Instant
    // SAFETY: touched on the socket thread alone.
    nonisolated(unsafe) private var state: State
    private let contact = Mutex<ContinuousClock.Instant?>(nil)
    private let failure = Mutex<SessionFailure?>(nil)
    private let security: SocketSecurity

    /// - Parameters:
    ///   - security: the key that this side shows at tcp addresses, and that of the coordinator.
    ///   - patience: how long a coordinator that cannot be reached is waited for; nil: for ever.
    package static func connect(
        on thread: any TransportLoop, to address: String, as identity: Identity, security: SocketSecurity = .none,
        patience: Duration? = nil, logger: Logger
    ) async throws -> WorkerLink {
        let security = security.at(address)
        var identity = identity
        identity.host = ProcessInfo.processInfo.hostName
        identity.pid = Int(ProcessInfo.processInfo.processIdentifier)
        return try await thread.run { [identity] in
            let socket = try thread.open(.dealer(identity: identity.id.routingID), security: security)
            let link = WorkerLink(
                thread: thread, socket: socket, address: address, security: security,
                machine: SessionMachine(identity, patience: patience.map { $0.milliseconds }, at: 0), logger: logger)
            try thread.watchConnection(of: socket) { [weak link] in link?.connectionChanged($0) }
            thread.watch(socket) { [weak link] in link?.receive() }
            thread.every(.milliseconds(50)) { [weak link] in
                link?.sendUnsent()
                link?.handle(.tick)
            }
            try socket.connect(address)
            return link
        }
    }

    private init(
        thread: any TransportLoop, socket: any TransportSocket, address: String, security: SocketSecurity,
        machine: SessionMachine, logger: Logger
    ) {
        self.security = security
        self.thread = thread
        start = thread.now
        self.socket = socket
        self.address = address
        identity = machine.identity
        state = State(machine: machine)
        var logger = logger
        logger[metadataKey: "coordinator"] = .string(address)
        self.logger = logger
    }

    /// When the coordinator was last heard; nil before WELCOME.
    package var lastContact: ContinuousClock.Instant? { contact.withLock { $0 } }
    /// Why the link was closed, if not by this side.
    package var ending: SessionFailure? { failure.withLock { $0 } }

    // MARK: - From any thread

    /// Whom to tell what the coordinator says, answers to asks excluded; nil when the link is closed. Called on the socket
    /// thread, in order; it must return at once.
    package func listen(_ sink: @escaping @Sendable (Message?) -> Void) {
        thread.perform { [self] in
            state.sink = sink
            for message in state.undelivered { sink(message) }
            state.undelivered.removeAll()
        }
    }

    /// The same as a stream, which ends where `listen` is told nil.
    package func messages() -> AsyncStream<Message> {
        AsyncStream { continuation in
            listen { message in
                if let message { continuation.yield(message) } else { continuation.finish() }
            }
        }
    }

    package func tell(_ message: Message) { thread.perform { [self] in handle(.tell(message)) } }

    /// Sends and waits for the answer. Asked again after a reconnection; `deadline` nil waits as long as the link lives,
    /// or until the task is cancelled. Throws ``SessionFailure``.
    package func ask(_ message: Message, deadline: Duration? = .seconds(30)) async throws -> Message {
        let ticket = AskTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                thread.perform { [self] in
                    let id = state.nextAsk
                    guard ticket.register(id) else {
                        continuation.resume(throwing: CancellationError())
                        return
                    }
                    state.nextAsk += 1
                    state.asks[id] = continuation
                    handle(.ask(message, id, patience: deadline?.milliseconds))
                }
            }
        } onCancel: {
            guard let id = ticket.cancel() else { return }
            thread.perform { [self] in
                handle(.withdraw(id))
                state.asks.removeValue(forKey: id)?.resume(throwing: CancellationError())
            }
        }
    }

    /// True when every result was acknowledged.
    package func isFlushed() async -> Bool {
        (try? await thread.run { [self] in state.machine.isFlushed }) ?? true
    }

    /// Says BYE and closes.
    package func close(reason: String) async {
        try? await thread.run { [self] in handle(.close(reason: reason)) }
    }

    // MARK: - On the socket thread

    private func connectionChanged(_ event: ConnectionEvent) {
        switch event {
        case .accepted:
            state.complaint = ""
            handle(.connection(up: true))
        case .lost: handle(.connection(up: false))
        case .keyRefused:
            complain(
                "the coordinator does not know this key, or it was revoked; see there: skein keys list")
        case .noAgreement:
            complain(
                security.isEncrypted
                    ? "the coordinator has no key, or another one than the key file says; copy the key file anew"
                    : "nobody answers here without a key: give --key FILE, and check that this is the address of a coordinator"
            )
        }
    }

    /// It is tried again all the same: the key may be allowed, or the coordinator changed, in a moment.
    private func complain(_ reason: String) {
        guard state.complaint != reason else { return }
        state.complaint = reason
        logger.warning("no connection", metadata: ["reason": "\(reason)"])
    }

    private func receive() {
        while !state.machine.isOver, let frames = socket.receive() {
            let envelope: Envelope
            do {
                envelope = try Codec.decode(frames[...])
            } catch {
                logger.warning("a message from the coordinator is dropped", metadata: ["reason": "\(error)"])
                continue
            }
            contact.withLock { [now = thread.now] in $0 = now }
            handle(.received(envelope.message, inReplyTo: envelope.inReplyTo, epoch: envelope.epoch))
        }
        sendUnsent()
    }

    private func handle(_ event: SessionMachine.Event) {
        let time = (thread.now - start).milliseconds
        for effect in state.machine.handle(event, at: time) {
            switch effect {
            case .send(let message, let id, let epoch): send(message, id, epoch)
            case .forgetUnsent: state.unsent.removeAll()
            case .connectAnew: connectAnew()
            case .deliver(let message): deliver(message)
            case .answer(let id, let result): state.asks.removeValue(forKey: id)?.resume(with: result)
            case .log(let line): logger.log(line)
            case .end(let reason):
                failure.withLock { $0 = reason }
                thread.unwatch(socket)
                socket.close()
                deliver(nil)
            }
        }
    }

    private func connectAnew() {
        do {
            try socket.connectAnew(address)
        } catch {
            logger.warning("cannot connect", metadata: ["reason": "\(error)"])
        }
    }

    private func deliver(_ message: Message?) {
        if case .some(.welcome(let welcome)) = message {
            logger.info("joined", metadata: ["name": "\(identity.name)", "run": "\(welcome.runID)"])
        }
        if let sink = state.sink { sink(message) } else { state.undelivered.append(message) }
    }

    private func send(_ message: Message, _ id: UInt64, _ epoch: UInt64) {
        let frames: [Frame]
        do {
            frames = try Codec.encode(Envelope(id: id, epoch: epoch, message))
        } catch {
            handle(.unsendable(message, id: id, reason: "\(error)"))
            return
        }
        // In order, so behind what waits already.
        if !state.unsent.isEmpty || socket.send(frames) != .sent { state.unsent.append(frames) }
    }

    private func sendUnsent() {
        guard !state.machine.isOver else { return }
        while let frames = state.unsent.first, socket.send(frames) == .sent { state.unsent.removeFirst() }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}

extension Logger {
    /// A line of one of the machines.
    package func log(_ line: RunLog) {
        let level: Logger.Level =
            switch line.level {
            case .info: .info
            case .warning: .warning
            case .critical: .critical
            }
        log(
            level: level, "\(line.message)",
            metadata: line.details.isEmpty ? nil : line.details.mapValues { .string($0) })
    }
}

/// Where a cancellation and the asking it ends meet, whichever comes first.
private final class AskTicket: Sendable {
    private let state = Mutex((id: UInt64?.none, isCancelled: false))

    /// False when it was cancelled before.
    func register(_ id: UInt64) -> Bool {
        state.withLock {
            $0.id = id
            return !$0.isCancelled
        }
    }

    /// The id, if it has one already.
    func cancel() -> UInt64? {
        state.withLock {
            $0.isCancelled = true
            return $0.id
        }
    }
}
