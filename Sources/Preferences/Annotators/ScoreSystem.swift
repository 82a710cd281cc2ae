/// Scores of items given the lines of annotators: the mode of a concave posterior.
struct ScoreSystem {
    struct Term {
        var left: Int
        var right: Int
        var score: Double
        var slope: Double
        var offset: Double
        var weight: Double
    }

    private let items: [Int]
    private let terms: [Term]
    private let variance: Double
    /// Place of each item among ``items``; -1 for items that are held.
    private let places: [Int]

    init(items: [Int], terms: [Term], variance: Double, count: Int) {
        self.items = items
        self.terms = terms
        self.variance = variance
        var places = [Int](repeating: -1, count: count)
        for (place, item) in items.enumerated() { places[item] = place }
        self.places = places
    }

    func solve(_ scores: inout [Double]) {
        for _ in 0..<20 {
            var gradient = items.map { -scores[$0] / variance }
            var diagonal = [Double](repeating: 1 / variance, count: items.count)
            var information = [Double](repeating: 0, count: terms.count)
            for (index, term) in terms.enumerated() {
                let p = Logistic.sigma(term.slope * (scores[term.left] - scores[term.right]) + term.offset)
                let slope = term.weight * term.slope * (term.score - p)
                information[index] = term.weight * term.slope * term.slope * p * (1 - p)
                let (left, right) = (places[term.left], places[term.right])
                if left >= 0 {
                    gradient[left] += slope
                    diagonal[left] += information[index]
                }
                if right >= 0 {
                    gradient[right] -= slope
                    diagonal[right] += information[index]
                }
            }
            let step = conjugateGradients(gradient, diagonal, information)
            let size = step.map { abs($0) }.max() ?? 0
            let scale = size > 2 ? 2 / size : 1
            for (place, item) in items.enumerated() { scores[item] += scale * step[place] }
            if size < 1e-6 { break }
        }
    }

    /// Solves H x = right with H's diagonal as the preconditioner (Hestenes and Stiefel 1952).
    private func conjugateGradients(_ right: [Double], _ diagonal: [Double], _ information: [Double]) -> [Double] {
        func times(_ vector: [Double]) -> [Double] {
            var product = zip(vector, diagonal).map { $0 * $1 }
            for (index, term) in terms.enumerated() {
                let (left, right) = (places[term.left], places[term.right])
                guard left >= 0, right >= 0 else { continue }
                product[left] -= information[index] * vector[right]
                product[right] -= information[index] * vector[left]
            }
            return product
        }
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        var solution = [Double](repeating: 0, count: right.count)
        var rest = right
        var scaled = zip(rest, diagonal).map { $0 / $1 }
        var direction = scaled
        var size = dot(rest, scaled)
        let enough = 1e-16 * max(size, 1e-30)
        for _ in 0..<200 where size > enough {
            let product = times(direction)
            let along = size / dot(direction, product)
            for index in solution.indices {
                solution[index] += along * direction[index]
                rest[index] -= along * product[index]
            }
            scaled = zip(rest, diagonal).map { $0 / $1 }
            let next = dot(rest, scaled)
            direction = zip(scaled, direction).map { $0 + next / size * $1 }
            size = next
        }
        return solution
    }
}
