/// Which policy version samples the batch of a step.
package enum Schedule: Sendable, Hashable, Codable {
    /// Step n samples from version n.
    case sync
    /// Step n samples from version max(0, n - k) exactly; generation and training overlap.
    case lag(Int)

    package var lag: Int {
        switch self {
        case .sync: 0
        case .lag(let count): max(0, count)
        }
    }

    /// Number of the version that must sample the batch of `step`.
    package func version(for step: Int) -> Int { max(0, step - lag) }

    /// The highest step whose batch may be sampled once `published` is the newest version; each step below it too.
    package func lastOpenStep(published: Int) -> Int { published + lag }
}

/// The prompts of every step, in an order that depends on the seed alone: a fresh permutation of the rows each pass.
package struct DatasetCursor: Sendable {
    private let rows: Int
    private let promptsPerStep: Int
    private let seed: UInt64

    /// - Parameter rows: at least 1.
    package init(rows: Int, promptsPerStep: Int, seed: UInt64) {
        self.rows = max(1, rows)
        self.promptsPerStep = promptsPerStep
        self.seed = seed
    }

    /// One prompt of a step: a row of the data set, and how often it stood in the step before.
    package struct Place: Sendable, Hashable {
        package var row: Int
        package var occurrence: Int
    }

    /// The prompts of one step, in order. A row comes twice where a pass ends within the step, and oftener where the step
    /// is longer than the data set.
    package func places(of step: Int) -> [Place] {
        var seen: [Int: Int] = [:]
        return rows(of: step).map { row in
            defer { seen[row, default: 0] += 1 }
            return Place(row: row, occurrence: seen[row, default: 0])
        }
    }

    private func rows(of step: Int) -> [Int] {
        var result: [Int] = []
        var position = step * promptsPerStep
        var pass = -1
        var order: [Int] = []
        while result.count < promptsPerStep {
            if position / rows != pass {
                pass = position / rows
                order = permutation(pass)
            }
            result.append(order[position % rows])
            position += 1
        }
        return result
    }

    /// Fisher-Yates with SplitMix64 (Steele, Lea, Flood 2014) keyed by seed and pass.
    private func permutation(_ pass: Int) -> [Int] {
        var state = seed ^ (UInt64(pass) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
        var order = Array(0..<rows)
        for index in stride(from: rows - 1, to: 0, by: -1) {
            order.swapAt(index, Int(next() % UInt64(index + 1)))
        }
        return order
    }
}
