import Foundation
import Synchronization
import Torch

/// Writes checkpoints beside the steps, on a thread of its own, one after another.
///
/// Owned by ``LearnerLoop``, whose task group has a child for each checkpoint: one that has begun is finished whatever
/// happens to the run. The thread ends with the value.
package actor CheckpointWriter {
    private struct Progress {
        var newest: Int
        var underway = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var bytes = 0
        var seconds: Double?
        var failure: (any Error)?
    }

    private let executor = ComputeExecutor(name: "checkpoint")
    private let store: CheckpointStore
    private let progress: Mutex<Progress>

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter newest: how many steps the newest checkpoint has; 0 when there is none.
    init(_ store: CheckpointStore, newest: Int) {
        self.store = store
        progress = Mutex(Progress(newest: newest))
    }

    // MARK: - From anywhere

    /// How many steps the newest checkpoint on disk has.
    nonisolated var newest: Int { progress.withLock { $0.newest } }
    /// Seconds that the last one took; nil before the first.
    nonisolated var seconds: Double? { progress.withLock { $0.seconds } }

    /// Bytes that were written since this was last asked.
    nonisolated func takeBytes() -> Int {
        progress.withLock { progress in
            defer { progress.bytes = 0 }
            return progress.bytes
        }
    }

    /// - Throws: why a checkpoint could not be written.
    nonisolated func check() throws {
        if let failure = progress.withLock({ $0.failure }) { throw failure }
    }

    /// A checkpoint is about to be written; said before the task that writes it is there.
    nonisolated func expect() { progress.withLock { $0.underway += 1 } }

    /// Returns when everything that was expected is on disk, or has failed.
    nonisolated func settled() async {
        await withCheckedContinuation { continuation in
            let isSettled = progress.withLock { progress -> Bool in
                if progress.underway > 0 { progress.waiting.append(continuation) }
                return progress.underway == 0
            }
            if isSettled { continuation.resume() }
        }
    }

    // MARK: - On the writer's thread

    /// - Throws: ``LearnerError`` with code `io`; older checkpoints are as they were.
    func write(_ snapshot: CheckpointSnapshot) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let result = Result { try store.write(step: snapshot.step) { try snapshot.write(to: $0) } }
        let waiting = progress.withLock { progress -> [CheckedContinuation<Void, Never>] in
            switch result {
            case .success(let bytes):
                progress.newest = max(progress.newest, snapshot.step)
                progress.bytes += bytes
                progress.seconds = (clock.now - start).seconds
            case .failure(let error): progress.failure = progress.failure ?? error
            }
            progress.underway = max(0, progress.underway - 1)
            guard progress.underway == 0 else { return [] }
            defer { progress.waiting = [] }
            return progress.waiting
        }
        for continuation in waiting { continuation.resume() }
        _ = try result.get()
    }

    /// Keeps the policy of a step that is measured, where there is no checkpoint of it.
    func keepPolicy(of step: Int, in directory: URL, metrics: [String: Double]) throws {
        try store.keepPolicy(of: step, in: directory, metrics: metrics)
    }

    /// Removes policies that were measured, and are not the best.
    func removeMeasured() { store.removeMeasured() }
}
