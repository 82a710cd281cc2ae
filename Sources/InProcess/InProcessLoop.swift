import Foundation
import Synchronization
package import Transport

/// A thread with sockets of an ``InProcessNetwork``.
package final class InProcessLoop: TransportLoop, Sendable {
    private enum Work: Sendable {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Timer {
        var interval: Duration
        var next: ContinuousClock.Instant
        var body: () -> Void
    }

    private struct Watched {
        var onReadable: (() -> Void)?
        var onConnection: ((ConnectionEvent) -> Void)?
    }

    private struct Inbox {
        var work: [Work] = []
        /// How many pieces of work were done that were not ``pass()``.
        var turns: UInt64 = 0
        var isStopping = false
        var nextTimer: ContinuousClock.Instant?
    }

    private let network: InProcessNetwork
    private let inbox = Mutex(Inbox())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let threadID = Mutex<pthread_t?>(nil)
    // SAFETY: the following are touched on the loop's thread alone.
    nonisolated(unsafe) private var watched: [ObjectIdentifier: Watched] = [:]
    nonisolated(unsafe) private var sockets: [InProcessSocket] = []
    nonisolated(unsafe) private var timers: [Timer] = []

    init(_ network: InProcessNetwork) {
        self.network = network
        let thread = Thread { [self] in run() }
        thread.name = "in-process"
        thread.start()
    }

    // MARK: - From any thread

    package var now: ContinuousClock.Instant { network.now }
    package var isCurrent: Bool { threadID.withLock { $0.map { pthread_equal($0, pthread_self()) != 0 } ?? false } }
    package func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }
    package func perform(_ body: @escaping @Sendable () -> Void) { add(.closure(body)) }
    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    package func checkIsolated() { precondition(isCurrent, "not on the loop's thread") }

    package func stop() {
        inbox.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    private func add(_ work: Work, counts: Bool = true) {
        inbox.withLock {
            $0.work.append(work)
            if counts { $0.turns += 1 }
        }
        wakeUp.signal()
    }

    var turns: UInt64 { inbox.withLock { $0.turns } }
    var nextTimer: ContinuousClock.Instant? { inbox.withLock { $0.isStopping ? nil : $0.nextTimer } }

    /// Waits until everything that was given before is done.
    func pass() async {
        guard !inbox.withLock({ $0.isStopping }) else { return }
        await withCheckedContinuation { continuation in add(.closure { continuation.resume() }, counts: false) }
    }

    /// True when one was due.
    func runTimers() async -> Bool {
        guard !inbox.withLock({ $0.isStopping }) else { return false }
        return await withCheckedContinuation { continuation in
            add(.closure { [self] in continuation.resume(returning: runDueTimers()) })
        }
    }

    func tellReadable(_ socket: InProcessSocket) {
        perform { [self] in watched[ObjectIdentifier(socket)]?.onReadable?() }
    }

    func tellConnection(_ socket: InProcessSocket, _ isUp: Bool) {
        perform { [self] in watched[ObjectIdentifier(socket)]?.onConnection?(isUp ? .accepted : .lost) }
    }

    // MARK: - On the loop's thread

    /// Inside of one process nobody has to show a key.
    package func open(
        _ kind: SocketKind, queue: Int32, security: SocketSecurity
    ) throws -> any TransportSocket {
        let socket = InProcessSocket(kind, queue: Int(queue), on: self, network)
        sockets.append(socket)
        return socket
    }

    package func watch(_ socket: any TransportSocket, onReadable: @escaping () -> Void) {
        watched[ObjectIdentifier(socket), default: Watched()].onReadable = onReadable
        // What came before somebody looked.
        onReadable()
    }

    package func watchConnection(of socket: any TransportSocket, _ body: @escaping (ConnectionEvent) -> Void) throws {
        watched[ObjectIdentifier(socket), default: Watched()].onConnection = body
    }

    package func unwatch(_ socket: any TransportSocket) { watched[ObjectIdentifier(socket)] = nil }

    package func every(_ interval: Duration, _ body: @escaping () -> Void) {
        timers.append(Timer(interval: interval, next: now + interval, body: body))
        noteNextTimer()
    }

    private func noteNextTimer() {
        let next = timers.map(\.next).min()
        inbox.withLock { $0.nextTimer = next }
    }

    private func runDueTimers() -> Bool {
        let time = now
        var ran = false
        for index in timers.indices where index < timers.count && timers[index].next <= time {
            timers[index].next = time + timers[index].interval
            timers[index].body()
            ran = true
        }
        noteNextTimer()
        return ran
    }

    private func run() {
        threadID.withLock { $0 = pthread_self() }
        while true {
            wakeUp.wait()
            let (work, isStopping) = inbox.withLock { inbox in
                defer { inbox.work.removeAll(keepingCapacity: true) }
                return (inbox.work, inbox.isStopping)
            }
            for item in work {
                switch item {
                case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
                case .closure(let body): body()
                }
            }
            if isStopping { break }
        }
        for socket in sockets { socket.close() }
        watched = [:]
        timers = []
        // Continuations that came late must not hang.
        for case .closure(let body) in inbox.withLock({ $0.work }) { body() }
    }
}
