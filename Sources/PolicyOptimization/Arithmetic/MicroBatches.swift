/// Cuts work into pieces that fit a token budget.
package enum MicroBatches {
    /// Neighbours in length share a piece, so that little of it is padding. The order within and of the pieces
    /// depends on lengths and indices alone.
    ///
    /// - Parameters:
    ///   - indices: which rows.
    ///   - lengths: tokens of every row, by index.
    ///   - budget: tokens of a piece, padding included; a row longer than it gets a piece of its own.
    package static func cut(_ indices: [Int], lengths: [Int], budget: Int) -> [[Int]] {
        let sorted = indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        var pieces: [[Int]] = []
        var piece: [Int] = []
        for index in sorted {
            // Sorted upwards: this row is the longest of the piece so far.
            if !piece.isEmpty, (piece.count + 1) * lengths[index] > budget {
                pieces.append(piece)
                piece = []
            }
            piece.append(index)
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// `count` parts of nearly equal size in the given order; fewer when there are not enough rows.
    package static func split(_ order: [Int], into count: Int) -> [[Int]] {
        let parts = max(1, min(count, order.count))
        return (0..<parts).map { part in
            Array(order[(part * order.count / parts)..<((part + 1) * order.count / parts)])
        }
    }
}
