import Foundation

/// Keeps weights and moments as they are while a checkpoint is written from them.
///
/// They change in the optimizer's steps alone. All that comes before the first one of an update (waiting for the batch,
/// old log-probabilities, values, forward and backward passes) goes on beside the writer, which needs no copy.
final class ChangeGate: @unchecked Sendable {
    // SAFETY: `readers` is read and written only with `condition` locked.
    private let condition = NSCondition()
    private var readers = 0

    func hold() {
        condition.lock()
        readers += 1
        condition.unlock()
    }

    func release() {
        condition.lock()
        readers -= 1
        if readers == 0 { condition.broadcast() }
        condition.unlock()
    }

    /// Blocks the thread until nobody reads any more. Returns the seconds that it took.
    func wait() -> Double {
        condition.lock()
        defer { condition.unlock() }
        guard readers > 0 else { return 0 }
        let clock = ContinuousClock()
        let start = clock.now
        while readers > 0 { condition.wait() }
        return (clock.now - start).seconds
    }
}
