/// Cuts rows into micro-batches that fit a token budget.
package enum TokenBudget {
    /// Neighbours in length share a piece, so that little of it is padding. Depends on lengths and order alone.
    ///
    /// - Parameter budget: tokens of a piece, padding included; a longer row gets a piece of its own.
    /// - Returns: indices of rows.
    package static func cut(_ lengths: [Int], budget: Int) -> [[Int]] {
        var pieces: [[Int]] = []
        var piece: [Int] = []
        for index in lengths.indices.sorted(by: { (lengths[$0], $0) < (lengths[$1], $1) }) {
            if !piece.isEmpty, (piece.count + 1) * lengths[index] > budget {
                pieces.append(piece)
                piece = []
            }
            piece.append(index)
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }
}
