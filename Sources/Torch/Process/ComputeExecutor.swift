import Foundation
import Synchronization

/// One dedicated thread on which everything that touches tensors runs, never the cooperative pool.
///
/// Owned by the process's role; use it as an actor's `unownedExecutor` or through ``run(_:)``. Work runs in the order
/// of its arrival. ``shutDown()`` lets what is queued finish, then the thread ends; work that arrives later is
/// refused by ``run(_:)``.
package final class ComputeExecutor: SerialExecutor, Sendable {
    private let queue: WorkQueue
    private let thread: ObjectIdentifier

    package init(name: String = "compute") {
        let queue = WorkQueue()
        let thread = Thread { queue.serve() }
        thread.name = name
        // Autograd walks deep graphs by recursion.
        thread.stackSize = 64 << 20
        self.queue = queue
        self.thread = ObjectIdentifier(thread)
        thread.start()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        if !queue.add({ job.runSynchronously(on: executor) }) {
            // An actor's job must run somewhere, or its caller waits for ever.
            job.runSynchronously(on: executor)
        }
    }

    package func checkIsolated() {
        precondition(isCurrent, "this must run on the compute thread")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Whether the caller is on this executor's thread.
    package var isCurrent: Bool { ObjectIdentifier(Thread.current) == thread }

    /// Runs `body` on the compute thread and returns what it returns. Not to be called from that thread itself.
    ///
    /// What has begun there cannot be stopped. A cancelled task gets `CancellationError` at once; what has begun goes on for
    /// nobody, and what has not is left out.
    package func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        let answer = Answer<Result>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                answer.expect(continuation)
                let accepted = queue.add {
                    // `Swift.Result(catching:)` keeps the error as it is.
                    if answer.isExpected { answer.give(Swift.Result(catching: body)) }
                }
                if !accepted {
                    answer.give(.failure(TorchError(.argument, "the compute thread has been shut down")))
                }
            }
        } onCancel: {
            answer.give(.failure(CancellationError()))
        }
    }

    package func shutDown() { queue.close() }

    deinit { queue.close() }
}

/// Where the end of a piece of work and the cancellation of who waits for it meet; the first counts.
private final class Answer<Value: Sendable>: Sendable {
    private enum State {
        case new
        case expected(CheckedContinuation<Value, any Error>)
        /// Before anybody waited.
        case given(Result<Value, any Error>)
        case over
    }

    private let state = Mutex(State.new)

    var isExpected: Bool { state.withLock { if case .expected = $0 { true } else { false } } }

    func expect(_ continuation: CheckedContinuation<Value, any Error>) {
        let early = state.withLock { state -> Result<Value, any Error>? in
            if case .given(let result) = state {
                state = .over
                return result
            }
            state = .expected(continuation)
            return nil
        }
        if let early { continuation.resume(with: early) }
    }

    func give(_ result: Result<Value, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .expected(let continuation):
                state = .over
                return continuation
            case .new:
                state = .given(result)
                return nil
            case .given, .over: return nil
            }
        }
        continuation?.resume(with: result)
    }
}

/// First in, first out, with one reader.
private final class WorkQueue: @unchecked Sendable {
    // SAFETY: `work`, `closed` are read and written only with `condition` locked.
    private let condition = NSCondition()
    private var work: [@Sendable () -> Void] = []
    private var closed = false

    func add(_ item: @escaping @Sendable () -> Void) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !closed else { return false }
        work.append(item)
        condition.signal()
        return true
    }

    func close() {
        condition.lock()
        closed = true
        condition.broadcast()
        condition.unlock()
    }

    /// The thread's whole life.
    func serve() {
        while true {
            condition.lock()
            while work.isEmpty, !closed { condition.wait() }
            let batch = work
            work.removeAll(keepingCapacity: true)
            condition.unlock()
            if batch.isEmpty { return }
            for item in batch { item() }
        }
    }
}
