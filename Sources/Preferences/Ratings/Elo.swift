import Foundation

/// Ratings that move with each battle (Elo 1978). What one wins the other loses. The result depends on the order of the
/// battles, so it is a live view and never a ranking: ``spread(_:shuffles:seed:)`` shows how much.
package struct Elo: Sendable, Equatable {
    /// Points that a sure loser gains by winning.
    package var k: Double
    package var initial: Double
    /// Points of difference that are odds of ten to one.
    package var scale: Double
    package private(set) var ratings: [Double]

    package init(items: Int, k: Double = 32, initial: Double = 1000, scale: Double = 400) {
        self.k = k
        self.initial = initial
        self.scale = scale
        ratings = [Double](repeating: initial, count: items)
    }

    /// - Parameter score: left's share of the win.
    package mutating func record(left: Int, right: Int, score: Double) {
        let expected = 1 / (1 + pow(10, (ratings[right] - ratings[left]) / scale))
        let change = k * (score - expected)
        ratings[left] += change
        ratings[right] -= change
    }

    package mutating func record(_ battles: [Battle]) {
        for battle in battles where battle.left != battle.right {
            record(left: battle.left, right: battle.right, score: battle.score)
        }
    }

    /// What the ratings are in other orders of the same battles.
    package struct Spread: Sendable, Equatable {
        package var mean: Double
        package var low: Double
        package var high: Double
    }

    /// The lowest, mean and highest rating of each item over shuffled orders, from the same settings.
    package func spread(_ battles: [Battle], shuffles: Int = 20, seed: UInt64 = 1) -> [Spread] {
        guard shuffles > 0 else { return [] }
        var random = SplitMix(seed)
        var battles = battles
        let runs = (0..<shuffles).map { _ in
            random.shuffle(&battles)
            var fresh = Elo(items: ratings.count, k: k, initial: initial, scale: scale)
            fresh.record(battles)
            return fresh.ratings
        }
        return ratings.indices.map { item in
            let values = runs.map { $0[item] }
            return Spread(
                mean: values.reduce(0, +) / Double(shuffles), low: values.min() ?? initial,
                high: values.max() ?? initial)
        }
    }
}
