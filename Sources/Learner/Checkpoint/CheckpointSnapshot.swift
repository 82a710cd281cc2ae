import Foundation
import Synchronization

/// What a checkpoint is written from: the trainer's own tensors, which do not change until it is written.
///
/// Made on the compute thread by ``LearnerEngine/snapshot()``, used up by ``CheckpointWriter``. One that is not used lets the
/// trainer go on when it is freed.
package final class CheckpointSnapshot: @unchecked Sendable {
    // SAFETY: `body` reads tensors that `gate` keeps from changing, and is called by one thread.
    package let step: Int
    private let gate: ChangeGate
    private let body: (URL) throws -> Void
    private let isHeld = Mutex(true)

    init(step: Int, gate: ChangeGate, _ body: @escaping (URL) throws -> Void) {
        self.step = step
        self.gate = gate
        self.body = body
        gate.hold()
    }

    deinit { release() }

    /// Fills an empty directory. What it writes is not synced: the trainer goes on before the disk has it.
    func write(to directory: URL) throws {
        defer { release() }
        try body(directory)
    }

    private func release() {
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { gate.release() }
    }
}
