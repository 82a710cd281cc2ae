package import ClusterModel
import DequeModule
package import Logging
import Synchronization
package import ZeroMQ

/// A worker's or the learner's connection to the coordinator: a DEALER that says HELLO at every (re)connection.
///
///      connecting --(1) handshake, HELLO--> greeting --(2) WELCOME--> joined
///          ^                                   |                        |
///          +------(4) connection lost ---------+------------------------+
///                  (3) REFUSED for good -> closed;   (5) REFUSED "epoch" or "hello" -> HELLO again
///
/// At edge 2 everything is sent again that the coordinator may not have: results without an acknowledgement, asks
/// without an answer. `tell` may be called from any thread, the compute thread too.
package final class WorkerLink: Sendable {
    package struct Identity: Sendable {
        package var role: Role
        package var name: String
        package var capabilities: Capabilities
        package var threads: Int
        package var build: String
        package var incarnation: UInt64

        package init(
            role: Role, name: String, capabilities: Capabilities, threads: Int = 0, build: String = "",
            incarnation: UInt64
        ) {
            self.role = role
            self.name = name
            self.capabilities = capabilities
            self.threads = threads
            self.build = build
            self.incarnation = incarnation
        }

        package var id: WorkerID { WorkerID(name: name, incarnation: incarnation) }
    }

    private struct Attempt: Hashable {
        var job: JobID
        var number: Int
    }

    private struct Ask {
        var message: Message
        var deadline: ContinuousClock.Instant?
        var continuation: CheckedContinuation<Message, any Error>
    }

    private struct State {
        var isJoined = false
        var isClosed = false
        var epoch: UInt64 = 0
        var nextID: UInt64 = 1
        var asks: [UInt64: Ask] = [:]
        var waiting: [Message] = []
        /// Messages that the connection could not take yet, oldest first.
        var backlog: Deque<[Frame]> = []
        var sink: (@Sendable (Message?) -> Void)?
        /// What came before there was a sink.
        var undelivered: [Message?] = []
        /// With the place of each in the order in which they were told.
        var unacknowledged: [Attempt: (place: UInt64, outcome: JobOutcome)] = [:]
        var nextPlace: UInt64 = 0
        var leased: Set<Attempt> = []
        var lastContact = ContinuousClock.now
    }

    package let identity: Identity
    private let thread: SocketThread
    private let logger: Logger
    private let socket: Socket
    // SAFETY: touched on the socket thread alone.
    nonisolated(unsafe) private var state = State()
    private let contact = Mutex<ContinuousClock.Instant?>(nil)

    package static func connect(
        on thread: SocketThread, to address: String, as identity: Identity, logger: Logger
    ) async throws -> WorkerLink {
        try await thread.run {
            let socket = try thread.open(.dealer(identity: identity.id.routingID))
            let link = WorkerLink(thread: thread, socket: socket, identity: identity, logger: logger)
            try thread.watchConnection(of: socket) { [weak link] up in link?.connectionChanged(up) }
            thread.watch(socket) { [weak link] in link?.receive() }
            thread.every(.milliseconds(50)) { [weak link] in link?.tick() }
            try socket.connect(address)
            return link
        }
    }

    private init(thread: SocketThread, socket: Socket, identity: Identity, logger: Logger) {
        self.thread = thread
        self.socket = socket
        self.identity = identity
        self.logger = logger
    }

    /// When the coordinator was last heard; nil before WELCOME.
    package var lastContact: ContinuousClock.Instant? { contact.withLock { $0 } }

    // MARK: - From any thread

    /// Whom to tell what the coordinator says, answers to asks excluded; nil when the link is closed or was refused for
    /// good. Called on the socket thread, in order; it must return at once.
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

    package func tell(_ message: Message) {
        thread.perform { [self] in
            if case .result(let job, let attempt, let outcome) = message {
                let key = Attempt(job: job, number: attempt)
                state.unacknowledged[key] = (state.nextPlace, outcome)
                state.nextPlace += 1
            }
            if state.isJoined {
                transmit(message)
            } else if case .result = message {
                // Sent at WELCOME.
            } else if case .credit = message {
                // Stated anew after WELCOME.
            } else if case .renewal = message {
                // Worth nothing later.
            } else if case .report = message {
                // Worth nothing later.
            } else {
                state.waiting.append(message)
            }
        }
    }

    /// Sends and waits for the answer. Asked again after a reconnection; `deadline` nil waits as long as the link lives,
    /// or until the task is cancelled.
    package func ask(_ message: Message, deadline: Duration? = .seconds(30)) async throws -> Message {
        let ticket = AskTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                thread.perform { [self] in
                    guard !state.isClosed else {
                        continuation.resume(throwing: ClusterError(.closed, "the link to the coordinator is closed"))
                        return
                    }
                    let id = state.nextID
                    guard ticket.register(id) else {
                        continuation.resume(throwing: CancellationError())
                        return
                    }
                    state.nextID += 1
                    let end = deadline.map { ContinuousClock.now + $0 }
                    state.asks[id] = Ask(message: message, deadline: end, continuation: continuation)
                    if state.isJoined { transmit(message, id: id) }
                }
            }
        } onCancel: {
            guard let id = ticket.cancel() else { return }
            thread.perform { [self] in
                state.asks.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError())
            }
        }
    }

    /// True when every result was acknowledged.
    package func isFlushed() async -> Bool {
        (try? await thread.run { [self] in state.unacknowledged.isEmpty }) ?? true
    }

    /// Says BYE and closes.
    package func close(reason: String) async {
        try? await thread.run { [self] in
            guard !state.isClosed else { return }
            if state.isJoined { transmit(.bye(reason: reason)) }
            shut()
        }
    }

    // MARK: - On the socket thread

    private func shut() {
        state.isClosed = true
        state.isJoined = false
        thread.unwatch(socket)
        socket.close()
        for ask in state.asks.values {
            ask.continuation.resume(throwing: ClusterError(.closed, "the link to the coordinator was closed"))
        }
        state.asks.removeAll()
        deliver(nil)
    }

    private func deliver(_ message: Message?) {
        if let sink = state.sink { sink(message) } else { state.undelivered.append(message) }
    }

    private func connectionChanged(_ up: Bool) {
        guard !state.isClosed else { return }
        state.isJoined = false
        // What matters of it is said anew after WELCOME.
        state.backlog.removeAll()
        if up {
            greet()
        } else {
            logger.info("connection to the coordinator lost; trying again")
        }
    }

    private func greet() {
        let held =
            state.unacknowledged.keys.map { HeldJob(job: $0.job, attempt: $0.number, finished: true) }
            + state.leased.subtracting(state.unacknowledged.keys).map {
                HeldJob(job: $0.job, attempt: $0.number, finished: false)
            }
        transmit(
            .hello(
                Hello(
                    role: identity.role, name: identity.name, incarnation: identity.incarnation, build: identity.build,
                    capabilities: identity.capabilities, heldJobs: held, threads: identity.threads)))
    }

    private func transmit(_ message: Message, id: UInt64 = 0) {
        do {
            let frames = try Codec.encode(Envelope(id: id, epoch: state.epoch, message))
            // In order, so behind what waits already.
            if !state.backlog.isEmpty || socket.send(frames) != .sent { state.backlog.append(frames) }
        } catch {
            logger.error("a message cannot be sent", metadata: ["reason": "\(error)"])
            if id != 0 { state.asks.removeValue(forKey: id)?.continuation.resume(throwing: error) }
            if case .result(let job, let attempt, _) = message {
                let key = Attempt(job: job, number: attempt)
                let failure = JobOutcome.failed(code: "too_large", message: "\(error)", retryable: false)
                state.unacknowledged[key]?.outcome = failure
                transmit(.result(job, attempt: attempt, failure))
            }
        }
    }

    private func flushBacklog() {
        while let frames = state.backlog.first, socket.send(frames) == .sent { state.backlog.removeFirst() }
    }

    private func receive() {
        defer { if !state.isClosed { flushBacklog() } }
        while !state.isClosed, let frames = socket.receive() {
            do {
                handle(try Codec.decode(frames[...]))
            } catch {
                logger.warning("malformed message from the coordinator ignored", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func handle(_ envelope: Envelope) {
        contact.withLock { $0 = .now }
        if envelope.inReplyTo != 0, let ask = state.asks[envelope.inReplyTo] {
            if case .refused(let code, let text) = envelope.message {
                if code == "hello" || code == "epoch" {
                    greet()
                    return
                }
                state.asks[envelope.inReplyTo] = nil
                ask.continuation.resume(throwing: ClusterError(.refused, text))
            } else {
                state.asks[envelope.inReplyTo] = nil
                ask.continuation.resume(returning: envelope.message)
            }
            return
        }
        switch envelope.message {
        case .welcome(let welcome): join(welcome)
        case .refused(let code, let text):
            if code == "hello" || code == "epoch" {
                state.isJoined = false
                greet()
            } else {
                logger.error("refused by the coordinator", metadata: ["code": "\(code)", "reason": "\(text)"])
                deliver(envelope.message)
                if code != "malformed" { shut() }
            }
            return
        case .resultAck(let acks):
            for ack in acks {
                let key = Attempt(job: ack.job, number: ack.attempt)
                state.unacknowledged[key] = nil
                state.leased.remove(key)
            }
            // Nobody waits for it but `isFlushed`.
            return
        case .lease(let grants):
            for grant in grants { state.leased.insert(Attempt(job: grant.job.id, number: grant.attempt)) }
        case .cancel(let job, let attempt, _): state.leased.remove(Attempt(job: job, number: attempt))
        default: break
        }
        deliver(envelope.message)
    }

    private func join(_ welcome: Welcome) {
        // A coordinator of an older epoch is a ghost: a newer one has taken over.
        guard welcome.epoch >= state.epoch else { return }
        state.epoch = welcome.epoch
        state.isJoined = true
        for (key, result) in state.unacknowledged.sorted(by: { $0.value.place < $1.value.place }) {
            transmit(.result(key.job, attempt: key.number, result.outcome))
        }
        for message in state.waiting { transmit(message) }
        state.waiting.removeAll()
        for (id, ask) in state.asks.sorted(by: { $0.key < $1.key }) { transmit(ask.message, id: id) }
    }

    private func tick() {
        guard !state.isClosed else { return }
        flushBacklog()
        let now = ContinuousClock.now
        for (id, ask) in state.asks {
            if let deadline = ask.deadline, deadline <= now {
                state.asks[id] = nil
                ask.continuation.resume(
                    throwing: ClusterError(.deadline, "the coordinator did not answer within the deadline"))
            }
        }
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
