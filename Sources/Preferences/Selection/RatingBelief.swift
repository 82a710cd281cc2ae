/// What the votes so far tell of items' ratings, with a prior, so that items without a vote have a belief too:
/// s ~ N(0, variance), and the posterior normal at its mode (Laplace).
package struct RatingBelief: Sendable {
    package let means: [Double]
    /// Lower triangle L of the covariance L L'.
    private let root: SquareMatrix

    /// - Parameter priorVariance: of a rating on the natural scale; 1.5² puts most models within a factor of twenty in odds.
    /// - Returns: nil for an empty table, for more than ``BradleyTerry/mostItems``, or when the numbers cannot be inverted.
    package init?(_ table: BattleTable, priorVariance: Double = 2.25) {
        let count = table.items.count
        guard (1...BradleyTerry.mostItems).contains(count), priorVariance > 0 else { return nil }
        var means = [Double](repeating: 0, count: count)
        let terms = table.battles.filter { $0.left != $0.right }.map { battle in
            ScoreSystem.Term(
                left: battle.left, right: battle.right, score: battle.score, slope: 1, offset: 0, weight: battle.weight)
        }
        ScoreSystem(items: Array(0..<count), terms: terms, variance: priorVariance, count: count).solve(&means)
        var precision = SquareMatrix(order: count)
        for item in 0..<count { precision[item, item] = 1 / priorVariance }
        for term in terms {
            let p = Logistic.sigma(means[term.left] - means[term.right])
            let information = term.weight * p * (1 - p)
            precision[term.left, term.left] += information
            precision[term.right, term.right] += information
            precision[term.left, term.right] -= information
            precision[term.right, term.left] -= information
        }
        guard let root = precision.cholesky()?.inverse().cholesky()?.lower else { return nil }
        self.means = means
        self.root = root
    }

    package func pair(_ left: Int, _ right: Int) -> PairBelief {
        PairBelief(
            mean: means[left] - means[right],
            factors: (0..<means.count).map { root[left, $0] - root[right, $0] })
    }
}
