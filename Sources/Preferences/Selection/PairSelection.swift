/// What is believed of a pair before it is judged.
///
/// The logit that the left answer wins is normal with the mean and with the factors' inner product as the variance; the
/// inner product of two pairs' factors is their covariance, so pairs that tell the same have factors that point the
/// same way.
package struct PairBelief: Sendable, Equatable {
    package var mean: Double
    package var factors: [Double]

    package init(mean: Double, factors: [Double]) {
        self.mean = mean
        self.factors = factors
    }

    /// From the members of an ensemble: each one's score of the left answer less that of the right.
    package init(ensemble differences: [Double]) {
        let count = Double(max(1, differences.count))
        let mean = differences.reduce(0, +) / count
        let scale = (count > 1 ? count - 1 : 1).squareRoot()
        self.init(mean: mean, factors: differences.map { ($0 - mean) / scale })
    }

    package var variance: Double { factors.reduce(0) { $0 + $1 * $1 } }

    /// The probability that left wins, with the uncertainty of the logit (MacKay 1992).
    package var probability: Double {
        Logistic.sigma(mean / (1 + .pi * variance / 8).squareRoot())
    }

    /// Fisher information of a vote about the logit, at its mean.
    package var information: Double {
        let p = Logistic.sigma(mean)
        return p * (1 - p)
    }
}

/// A way to decide which pairs are judged next. Pure: the same beliefs, budget and seed give the same pairs.
package protocol PairSelection: Sendable {
    /// For configuration and reports.
    static var name: String { get }

    /// Chooses pairs in the order in which they are to be asked.
    ///
    /// - Parameters:
    ///   - beliefs: one of each pair that may be asked; each is asked once at most.
    ///   - budget: votes at most.
    /// - Returns: indices of beliefs, as many as the budget and the pairs allow.
    func choose(_ beliefs: [PairBelief], budget: Int, seed: UInt64) -> [Int]
}

/// Every pair is as good as any: the baseline, which is hard to beat.
package struct RandomSelection: PairSelection {
    package static let name = "random"

    package init() {}

    package func choose(_ beliefs: [PairBelief], budget: Int, seed: UInt64) -> [Int] {
        var order = Array(beliefs.indices)
        var random = SplitMix(seed)
        random.shuffle(&order)
        return Array(order.prefix(max(0, budget)))
    }
}

/// The pairs of which it is least clear who wins. Many of them may tell the same.
package struct UncertaintySelection: PairSelection {
    package static let name = "uncertainty"

    package init() {}

    package func choose(_ beliefs: [PairBelief], budget: Int, seed: UInt64) -> [Int] {
        // Ties of equal beliefs are broken by the seed.
        let order = RandomSelection().choose(beliefs, budget: beliefs.count, seed: seed)
        let distance = beliefs.map { abs($0.probability - 0.5) }
        let sorted = order.enumerated().sorted { a, b in
            let (first, second) = (distance[a.element], distance[b.element])
            return first != second ? first < second : a.offset < b.offset
        }
        return sorted.prefix(max(0, budget)).map(\.element)
    }
}

/// The pairs whose votes together tell most of all scores: greedy maximisation of the determinant of the information
/// (D-optimality), where what an earlier pair tells is not counted again. That brings diversity.
package struct InformationSelection: PairSelection {
    package static let name = "information"

    package init() {}

    package func choose(_ beliefs: [PairBelief], budget: Int, seed: UInt64) -> [Int] {
        let width = beliefs.map(\.factors.count).max() ?? 0
        guard width > 0, beliefs.allSatisfy({ $0.factors.count == width }) else {
            return UncertaintySelection().choose(beliefs, budget: budget, seed: seed)
        }
        let order = RandomSelection().choose(beliefs, budget: beliefs.count, seed: seed)
        // The variances that are left after the votes so far, updated by Sherman's and Morrison's formula.
        var inverse = SquareMatrix(order: width)
        for index in 0..<width { inverse[index, index] = 1 }
        var variance = beliefs.map(\.variance)
        var isFree = [Bool](repeating: true, count: beliefs.count)
        var chosen: [Int] = []
        while chosen.count < min(budget, beliefs.count) {
            var best: (index: Int, gain: Double)?
            for index in order where isFree[index] {
                let gain = beliefs[index].information * variance[index]
                if gain > best?.gain ?? -1 { best = (index, gain) }
            }
            guard let best else { break }
            isFree[best.index] = false
            chosen.append(best.index)
            let told = inverse.times(beliefs[best.index].factors)
            let factor = beliefs[best.index].information / (1 + best.gain)
            for row in 0..<width {
                for column in 0..<width { inverse[row, column] -= factor * told[row] * told[column] }
            }
            for index in beliefs.indices where isFree[index] {
                let shared = zip(beliefs[index].factors, told).reduce(0) { $0 + $1.0 * $1.1 }
                variance[index] = max(0, variance[index] - factor * shared * shared)
            }
        }
        return chosen
    }
}

/// The selections by their names.
package enum PairSelections {
    package static let all: [any PairSelection] = [RandomSelection(), UncertaintySelection(), InformationSelection()]

    package static func named(_ name: String) -> (any PairSelection)? { all.first { type(of: $0).name == name } }
}
