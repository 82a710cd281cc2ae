import PolicyOptimization

/// Cuts an epoch into batches whose rows are of similar length, in an order that depends on seed and epoch alone.
///
/// Rows are shuffled, cut into windows of `window` batches, sorted by length within each window, cut into batches, and
/// the batches are shuffled: little padding, and still a fresh mix in each epoch.
package struct LengthBatches: Sendable {
    package var lengths: [Int]
    package var batch: Int
    package var seed: UInt64
    package var window = 16

    package init(lengths: [Int], batch: Int, seed: UInt64) {
        self.lengths = lengths
        self.batch = max(1, batch)
        self.seed = seed
    }

    /// - Returns: row indices of each batch; every row once.
    package func epoch(_ number: Int) -> [[Int]] {
        var random = CounterGenerator(seed, 0x6261_7463_6865_73, UInt64(max(0, number)))
        let order = random.permutation(lengths.count)
        var batches: [[Int]] = []
        for start in stride(from: 0, to: order.count, by: batch * window) {
            let rows = order[start..<min(order.count, start + batch * window)].sorted {
                (lengths[$0], $0) < (lengths[$1], $1)
            }
            for first in stride(from: 0, to: rows.count, by: batch) {
                batches.append(Array(rows[first..<min(rows.count, first + batch)]))
            }
        }
        return random.permutation(batches.count).map { batches[$0] }
    }

    package var batchesPerEpoch: Int { (lengths.count + batch - 1) / batch }
}
