import Preferences

/// Votes of annotators whose skill is known, on pairs of which the better answer is known.
struct SyntheticAnnotators {
    enum Kind: String, CaseIterable {
        case expert, noisy, alwaysLeft, random, adversarial
    }

    /// Kind of each annotator; a tenth each is always left, random and adversarial.
    let kinds: [Kind]
    let votes: [Vote]
    /// Of each prompt: how much better answer `a` is than `b`, in logits.
    let truth: [Double]

    static func name(_ index: Int) -> String { index < 10 ? "w0\(index)" : "w\(index)" }

    /// - Parameters:
    ///   - overlap: annotators of each pair.
    ///   - gold: share of the pairs that are control questions.
    init(seed: UInt64, pairs: Int = 600, overlap: Int = 4, gold: Double) {
        var random = SplitMix(seed)
        let kinds: [Kind] =
            [Kind](repeating: .expert, count: 10) + [Kind](repeating: .noisy, count: 4) + [.alwaysLeft, .alwaysLeft]
            + [.random, .random, .adversarial, .adversarial]
        truth = (0..<pairs).map { _ in 1.5 * random.normal() }
        var votes: [Vote] = []
        for (prompt, better) in truth.enumerated() {
            var crew = Array(kinds.indices)
            random.shuffle(&crew)
            let isGold = random.uniform() < gold
            for annotator in crew.prefix(overlap) {
                let isMirrored = random.uniform() < 0.5
                let left = isMirrored ? -better : better
                let draw = random.uniform()
                let verdict: Verdict =
                    switch kinds[annotator] {
                    case .expert: draw < Logistic.sigma(2 * left) ? .left : .right
                    case .noisy: draw < Logistic.sigma(0.7 * left) ? .left : .right
                    case .alwaysLeft: .left
                    case .random: draw < 0.5 ? .left : .right
                    case .adversarial: draw < Logistic.sigma(-1.5 * left) ? .left : .right
                    }
                let answers = [Answer(id: "a"), Answer(id: "b")]
                var vote = Vote(
                    task: "\(prompt)", promptID: "\(prompt)", left: answers[isMirrored ? 1 : 0],
                    right: answers[isMirrored ? 0 : 1], annotator: Self.name(annotator), verdict: verdict)
                if isGold {
                    vote.isGold = true
                    vote.expected = left > 0 ? .left : .right
                }
                votes.append(vote)
            }
        }
        self.kinds = kinds
        self.votes = votes
    }

    /// Shares of pairs whose better answer is found, by most votes (a draw is half right) and by the scores of a model.
    func accuracy(_ data: Opinions, _ model: AnnotatorModel) -> (majority: Double, model: Double) {
        var (majority, weighted, count) = (0.0, 0.0, 0.0)
        for (prompt, votes) in Dictionary(grouping: votes.filter { !$0.isGold }, by: \.promptID) {
            guard let index = Int(prompt), let first = votes.first, let items = data.items(of: first) else { continue }
            let isBetter = truth[index] > 0
            let sum = votes.reduce(0.0) { $0 + ($1.orientedVerdict == .left ? 1 : -1) }
            majority += sum == 0 ? 0.5 : (sum > 0) == isBetter ? 1 : 0
            let difference = model.scores[items.left] - model.scores[items.right]
            weighted += ((first.isMirrored ? -difference : difference) > 0) == isBetter ? 1 : 0
            count += 1
        }
        return (majority / count, weighted / count)
    }
}
