import PolicyOptimization

/// Which rows are learned and which are held out: a function of seed, count and fraction. Files are often sorted, so the
/// tail of one is no sample of it.
struct HeldOut: Sendable {
    /// Indices in order.
    let learned: [Int]
    let held: [Int]

    /// - Parameter fraction: of the rows that are held out; at least one row is, and at least one is learned.
    init(rows: Int, fraction: Double, seed: UInt64) {
        var random = CounterGenerator(seed, 0x6865_6c64)
        let order = random.permutation(rows)
        let count = max(0, min(rows - 1, max(1, Int(Double(rows) * fraction))))
        learned = order.dropFirst(count).sorted()
        held = order.prefix(count).sorted()
    }
}
