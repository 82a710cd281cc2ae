import CZeroMQ
import Foundation
import Synchronization
package import Transport

/// The one thread of a process that touches sockets, as an executor: it sleeps in `zmq_poll` over all sockets and an
/// eventfd, and runs actor jobs and closures between polls. Shutdown: `stop()`, after which the thread closes every
/// socket, ends the context and returns.
package final class SocketThread: TransportLoop, Sendable {
    private enum Work: Sendable {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Watched {
        var socket: Socket
        var onReadable: () -> Void
    }

    private struct Timer {
        var interval: Duration
        var next: ContinuousClock.Instant
        var body: () -> Void
    }

    private struct Inbox {
        var work: [Work] = []
        var isStopping = false
        var isStopped = false
    }

    // SAFETY: set in init, then used by libzmq calls only, which allow any thread for a context.
    nonisolated(unsafe) private let context: UnsafeMutableRawPointer
    private let wakeUp: Int32
    private let inbox = Mutex(Inbox())
    // SAFETY: the following are touched by the socket thread alone.
    nonisolated(unsafe) private var watched: [Watched] = []
    /// Of `watched`, and the eventfd behind them; empty when they have to be made anew.
    nonisolated(unsafe) private var items: [zmq_pollitem_t] = []
    nonisolated(unsafe) private var timers: [Timer] = []
    nonisolated(unsafe) private var endOfTurn: [() -> Void] = []
    private let threadID = Mutex<pthread_t?>(nil)
    /// nil: no socket of this thread admits peers by their keys.
    // SAFETY: set in init, then used on the socket thread alone.
    nonisolated(unsafe) private let admission: Admission?

    /// - Parameter roster: whom CURVE servers of this thread admit. It is asked from the first moment on: nothing can be opened
    ///   before.
    package init(name: String = "sockets", roster: (any Roster)? = nil) throws {
        guard let context = zmq_ctx_new() else { throw TransportError(number: zmq_errno(), "cannot start libzmq") }
        self.context = context
        zmq_ctx_set(context, ZMQ_IO_THREADS, 1)
        zmq_ctx_set(context, ZMQ_IPV6, 0)
        wakeUp = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeUp >= 0 else { throw TransportError(number: errno, "cannot make an eventfd") }
        admission = try roster.map { try Admission(context: context, roster: $0) }
        if let admission {
            watched.append(Watched(socket: admission.socket, onReadable: admission.answer))
        }
        let thread = Thread { [self] in loop() }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    // MARK: - From any thread

    package var now: ContinuousClock.Instant { .now }

    package func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }
    package func perform(_ body: @escaping @Sendable () -> Void) { add(.closure(body)) }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    package func checkIsolated() { precondition(isCurrent, "not on the socket thread") }

    package var isCurrent: Bool { threadID.withLock { $0.map { pthread_equal($0, pthread_self()) != 0 } ?? false } }

    package func stop() {
        inbox.withLock { $0.isStopping = true }
        wake()
    }

    private func add(_ work: Work) {
        let isFirst = inbox.withLock { inbox in
            inbox.work.append(work)
            return inbox.work.count == 1
        }
        if isFirst { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    // MARK: - On the socket thread

    package func open(
        _ kind: SocketKind, queue: Int32, security: SocketSecurity
    ) throws -> any TransportSocket {
        if case .server = security, admission == nil {
            throw TransportError(.notPrivate, "nobody says whom the socket may admit")
        }
        return try Socket(context: context, kind: kind, queue: queue, security: security)
    }

    /// Ends the handler of handshakes, for tests: from then on nobody is admitted.
    func endAdmission() {
        guard let admission else { return }
        unwatch(admission.socket)
        admission.socket.close()
    }

    /// Does nothing with sockets of another transport.
    package func watch(_ socket: any TransportSocket, onReadable: @escaping () -> Void) {
        guard let socket = socket as? Socket else { return }
        watched.append(Watched(socket: socket, onReadable: onReadable))
        items.removeAll()
    }

    package func watchConnection(of socket: any TransportSocket, _ body: @escaping (ConnectionEvent) -> Void) throws {
        guard let socket = socket as? Socket else { return }
        let monitor = try socket.monitor(context: context)
        watch(monitor) {
            while let frames = monitor.receive() {
                guard let first = frames.first, first.count >= 2 else { continue }
                switch Int32(UInt16(first[0]) | UInt16(first[1]) << 8) {
                case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: body(.accepted)
                case ZMQ_EVENT_DISCONNECTED: body(.lost)
                case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: body(.keyRefused)
                case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: body(.noAgreement)
                default: break
                }
            }
        }
    }

    package func unwatch(_ socket: any TransportSocket) {
        watched.removeAll { $0.socket === socket }
        items.removeAll()
    }

    package func every(_ interval: Duration, _ body: @escaping () -> Void) {
        timers.append(Timer(interval: interval, next: .now + interval, body: body))
    }

    /// Called after each turn in which something was done; the place to flush what was collected.
    package func atEndOfTurn(_ body: @escaping () -> Void) { endOfTurn.append(body) }

    private func loop() {
        threadID.withLock { $0 = pthread_self() }
        while true {
            let work = inbox.withLock { inbox in
                let work = inbox.work
                inbox.work.removeAll(keepingCapacity: true)
                return work
            }
            for item in work {
                switch item {
                case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
                case .closure(let body): body()
                }
            }
            for body in endOfTurn { body() }
            if inbox.withLock({ $0.isStopping && $0.work.isEmpty }) { break }
            poll()
        }
        for item in watched { item.socket.close() }
        watched.removeAll()
        timers.removeAll()
        endOfTurn.removeAll()
        inbox.withLock { $0.isStopped = true }
        // Ends once every socket is closed and has lingered; sockets linger a second at most.
        zmq_ctx_term(context)
        // Continuations that came late must not hang.
        let late = inbox.withLock { $0.work }
        for case .closure(let body) in late { body() }
    }

    private func poll() {
        if items.isEmpty {
            items = watched.map {
                zmq_pollitem_t(socket: $0.socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
            }
            items.append(zmq_pollitem_t(socket: nil, fd: wakeUp, events: Int16(ZMQ_POLLIN), revents: 0))
        }
        let now = ContinuousClock.now
        var wait = 1000.0
        for timer in timers { wait = min(wait, max(0, (timer.next - now) / .milliseconds(1))) }
        let count = zmq_poll(&items, Int32(items.count), Int(wait.rounded(.up)))
        if count > 0 {
            if items.last?.revents != 0 {
                var value: UInt64 = 0
                _ = read(wakeUp, &value, 8)
            }
            // A body may change what is watched, so all that are ready are found first.
            let ready = watched.indices.filter { items[$0].revents != 0 }.map { watched[$0] }
            for item in ready { item.onReadable() }
        }
        let after = ContinuousClock.now
        for index in timers.indices where index < timers.count && timers[index].next <= after {
            timers[index].next = after + timers[index].interval
            timers[index].body()
        }
    }
}
