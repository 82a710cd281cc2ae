import Foundation

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
    package func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let accepted = queue.add {
                // `Swift.Result(catching:)` keeps the error as it is.
                continuation.resume(with: Swift.Result(catching: body))
            }
            if !accepted {
                continuation.resume(throwing: TorchError(.argument, "the compute thread has been shut down"))
            }
        }
    }

    package func shutDown() { queue.close() }

    deinit { queue.close() }
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
