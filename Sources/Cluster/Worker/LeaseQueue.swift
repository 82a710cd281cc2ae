import ClusterModel
import DequeModule
import Synchronization

/// The leases of a worker, between the socket thread that gets them and the one task that works through them: a job that
/// waits already costs no switch of threads.
///
///     push -> WAITING --next--> RUNNING --finished--> gone
///     WAITING --called back, or handed back by a drain--> gone;  RUNNING --called back--> CANCELLED --finished--> gone
///     RUNNING --the drain's time is up: handed back--> gone
final class LeaseQueue: Sendable {
    private struct State {
        var waiting: Deque<Grant> = []
        var running: Grant?
        var isCancelled = false
        /// Of whoever waits for that.
        var calledBack: AsyncStream<Void>.Continuation?
        var isDraining = false
        var isClosed = false
        var lastRenewal = ContinuousClock.now
        var consumer: CheckedContinuation<Grant?, Never>?
    }

    private static let renewalInterval: Duration = .milliseconds(250)

    private let state = Mutex(State())

    /// False when no more leases are taken.
    func push(_ leased: Grant) -> Bool {
        let (taken, consumer) = state.withLock { state -> (Bool, CheckedContinuation<Grant?, Never>?) in
            guard !state.isDraining, !state.isClosed else { return (false, nil) }
            guard let consumer = state.consumer else {
                state.waiting.append(leased)
                return (true, nil)
            }
            state.consumer = nil
            Self.start(leased, &state)
            return (true, consumer)
        }
        consumer?.resume(returning: leased)
        return taken
    }

    /// The next lease, which runs from now on; nil when the queue is closed. One task at a time may wait.
    func next() async -> Grant? {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Grant?? in
                if state.isClosed { return .some(nil) }
                guard let first = state.waiting.popFirst() else {
                    state.consumer = continuation
                    return .none
                }
                Self.start(first, &state)
                return first
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    private static func start(_ leased: Grant, _ state: inout State) {
        state.running = leased
        state.isCancelled = false
        // A lease that was just given needs no renewal yet.
        state.lastRenewal = .now
    }

    /// Returns whether somebody waits for the queue to be idle.
    func finished() -> Bool {
        state.withLock { state in
            state.running = nil
            state.calledBack = nil
            return state.isDraining
        }
    }

    /// The coordinator has called the job back.
    func cancel(_ job: JobID, attempt: Int) {
        state.withLock { state in
            state.waiting.removeAll { $0.job.id == job && $0.attempt == attempt }
            if let running = state.running, running.job.id == job, running.attempt == attempt {
                state.isCancelled = true
                state.calledBack?.finish()
            }
        }
    }

    /// Returns when the job that runs is called back; work that waits for something makes no progress by which it would
    /// notice. One task at a time may wait, until it is cancelled.
    func untilCalledBack() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let isOver = state.withLock { state in
            state.calledBack = continuation
            return state.isCancelled || state.running == nil
        }
        if isOver { return }
        for await _ in stream {}
    }

    /// Takes no more leases; returns those that were not begun.
    func drain() -> [Grant] {
        state.withLock { state in
            state.isDraining = true
            defer { state.waiting.removeAll() }
            return Array(state.waiting)
        }
    }

    /// Gives up what runs: it stops at its next progress, and another worker begins it anew.
    ///
    /// - Returns: what ran; nil when nothing did.
    func giveUpRunning() -> Grant? {
        state.withLock { state in
            state.isCancelled = true
            defer { state.running = nil }
            return state.running
        }
    }

    func close() {
        let consumer = state.withLock { state in
            state.isClosed = true
            state.isCancelled = true
            state.calledBack?.finish()
            state.waiting.removeAll()
            defer { state.consumer = nil }
            return state.consumer
        }
        consumer?.resume(returning: nil)
    }

    var isIdle: Bool { state.withLock { $0.running == nil && $0.waiting.isEmpty } }
    var isRunning: Bool { state.withLock { $0.running != nil } }

    /// Progress of the running job; from the compute thread.
    ///
    /// - Returns: false for `goOn` when the job was called back; the leases to renew when it is time for it, those that
    ///   wait among them: the progress of the job before them is theirs.
    func progress(_ tokens: Int) -> (goOn: Bool, renewals: [RenewedJob]) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard let running = state.running, now - state.lastRenewal >= Self.renewalInterval else {
                return (!state.isCancelled, [])
            }
            state.lastRenewal = now
            return (
                !state.isCancelled,
                [RenewedJob(job: running.job.id, attempt: running.attempt, tokens: tokens)]
                    + state.waiting.map { RenewedJob(job: $0.job.id, attempt: $0.attempt, tokens: 0) }
            )
        }
    }
}
