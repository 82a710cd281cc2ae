import LanguageModels

/// Cuts work into pieces that fit a token budget.
package enum MicroBatches {
    /// ``TokenBudget`` over some of the rows.
    ///
    /// - Parameters:
    ///   - indices: which rows.
    ///   - lengths: tokens of every row, by index.
    ///   - budget: tokens of a piece, padding included; a row longer than it gets a piece of its own.
    package static func cut(_ indices: [Int], lengths: [Int], budget: Int) -> [[Int]] {
        TokenBudget.cut(indices.map { lengths[$0] }, budget: budget).map { $0.map { indices[$0] } }
    }

    /// Rows in their order until the budget is full, for sequences that share lines: no padding is counted.
    package static func fill(_ indices: [Int], lengths: [Int], budget: Int) -> [[Int]] {
        var pieces: [[Int]] = []
        var room = 0
        for index in indices {
            if pieces.isEmpty || lengths[index] > room {
                pieces.append([])
                room = budget
            }
            pieces[pieces.count - 1].append(index)
            room -= lengths[index]
        }
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
