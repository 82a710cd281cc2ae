import Foundation

/// Each annotator's skill and habit: P(left) = sigma(a_w (s_left - s_right) + b_w), after Chen et al. 2013
/// ("Pairwise ranking aggregation in a crowdsourced setting") with a bias of side.
///
/// Scores s, skills a and biases b are the mode of the posterior with s ~ N(0, 2²), a ~ N(1, 1), b ~ N(0, 1). The scale of
/// scores and skills is fixed by a mean |a| of 1 over votes; their common sign by the prior, so that the majority is
/// taken to be right, and by control questions, which outvote it.
///
/// An annotator's own votes pull the scores his way, so that even who guesses seems skilled. His skill is therefore
/// taken from scores that the others' votes and the control questions give.
package struct AnnotatorModel: Sendable {
    package struct Annotator: Sendable, Equatable {
        package var name: String
        /// 1 is the mean, 0 is chance; negative: prefers what others find worse.
        package var skill: Double
        package var skillError: Double
        /// In logits: positive prefers the left side whatever stands there.
        package var sideBias: Double
        package var sideBiasError: Double
        /// Votes that the figures rest on.
        package var votes: Int
    }

    package let annotators: [Annotator]
    /// Of items, on the scale of logits of an annotator with skill 1.
    package let scores: [Double]
    package let unit: Opinions.Unit
    /// Number of control questions that anchor the scores.
    package let gold: Int

    package init(_ data: Opinions) {
        var fit = AnnotatorFit(data)
        fit.run()
        scores = fit.scores
        unit = data.unit
        gold = data.gold.count
        annotators = data.annotators.indices.map { index in
            let line = fit.lines[index]
            return Annotator(
                name: data.annotators[index], skill: line.slope, skillError: line.slopeError,
                sideBias: line.offset, sideBiasError: line.offsetError,
                votes: Int(fit.weight(of: index)))
        }
    }

    /// What a vote of each annotator is worth beside one of mean skill: the skill, from 0 (chance or worse) to 2.
    package var weights: [String: Double] {
        Dictionary(uniqueKeysWithValues: annotators.map { ($0.name, min(max($0.skill, 0), 2)) })
    }

    /// The probability that an annotator of mean skill without a bias prefers `left`.
    package func probability(_ left: Int, over right: Int) -> Double { Logistic.sigma(scores[left] - scores[right]) }
}

/// The alternating fit.
struct AnnotatorFit {
    private let data: Opinions
    private(set) var scores: [Double]
    private(set) var lines: [LogisticLine]
    /// Indices of opinions by annotator, and by item.
    private let votesOf: [[Int]]
    private let votesOn: [[Int]]
    private let goldOn: [[Int]]

    private static let scoreVariance = 4.0
    /// A control question counts like this many votes of an annotator with this skill.
    private static let (goldWeight, goldSkill) = (4.0, 2.0)

    init(_ data: Opinions) {
        self.data = data
        scores = [Double](repeating: 0, count: data.items)
        lines = [LogisticLine](repeating: LogisticLine(), count: data.annotators.count)
        var votesOf = [[Int]](repeating: [], count: data.annotators.count)
        var votesOn = [[Int]](repeating: [], count: data.items)
        var goldOn = votesOn
        for (index, opinion) in data.opinions.enumerated() {
            votesOf[opinion.annotator].append(index)
            votesOn[opinion.left].append(index)
            votesOn[opinion.right].append(index)
        }
        for (index, opinion) in data.gold.enumerated() {
            goldOn[opinion.left].append(index)
            goldOn[opinion.right].append(index)
        }
        (self.votesOf, self.votesOn, self.goldOn) = (votesOf, votesOn, goldOn)
    }

    mutating func run() {
        // Skills begin with what the control questions say of them, or else what most votes say, so that the order of
        // annotators decides nothing.
        var first = scores
        let everything = Array(scores.indices)
        if data.gold.isEmpty {
            solve(everything, into: &first, without: nil)
        } else {
            system(everything, goldTerms(everything)).solve(&first)
        }
        scores = first
        lines = lines.indices.map { line(of: $0, over: first) }
        for _ in 0..<30 {
            let before = lines
            for index in lines.indices { lines[index] = line(of: index, over: scoresOfOthers(index)) }
            rescale()
            var next = scores
            solve(Array(scores.indices), into: &next, without: nil)
            scores = next
            let change = zip(before, lines).map { abs($0.slope - $1.slope) + abs($0.offset - $1.offset) }.max() ?? 0
            if change < 1e-3 { break }
        }
    }

    /// Number of votes of an annotator.
    func weight(of annotator: Int) -> Double { votesOf[annotator].reduce(0) { $0 + data.opinions[$1].weight } }

    /// The scores that the others' votes and the control questions give.
    private func scoresOfOthers(_ annotator: Int) -> [Double] {
        var items: Set<Int> = []
        for vote in votesOf[annotator] {
            items.insert(data.opinions[vote].left)
            items.insert(data.opinions[vote].right)
        }
        var scores = self.scores
        solve(items.sorted(), into: &scores, without: annotator)
        return scores
    }

    private func line(of annotator: Int, over scores: [Double]) -> LogisticLine {
        let points = votesOf[annotator].map { vote in
            let opinion = data.opinions[vote]
            return LogisticLine.Point(
                x: scores[opinion.left] - scores[opinion.right], y: opinion.score, weight: opinion.weight)
        }
        return LogisticLine.fit(points, from: lines[annotator])
    }

    /// Scores and skills have only their product in common with the votes.
    private mutating func rescale() {
        var (sum, count) = (0.0, 0.0)
        for (index, line) in lines.enumerated() {
            sum += abs(line.slope) * weight(of: index)
            count += weight(of: index)
        }
        guard count > 0, sum > 0 else { return }
        let mean = sum / count
        for index in lines.indices {
            lines[index].slope /= mean
            lines[index].slopeError /= mean
        }
        for index in scores.indices { scores[index] *= mean }
    }

    /// Newton's method for the scores of some items, the others held; each step by conjugate gradients, since every item
    /// has to do with few others.
    private func solve(_ items: [Int], into scores: inout [Double], without annotator: Int?) {
        system(items, terms(items, without: annotator) + goldTerms(items)).solve(&scores)
    }

    private func system(_ items: [Int], _ terms: [ScoreSystem.Term]) -> ScoreSystem {
        ScoreSystem(items: items, terms: terms, variance: Self.scoreVariance, count: data.items)
    }

    /// The votes on the items, as terms of the likelihood.
    private func terms(_ items: [Int], without annotator: Int?) -> [ScoreSystem.Term] {
        var seen: Set<Int> = []
        var terms: [ScoreSystem.Term] = []
        let all = items.count == data.items
        func add(_ vote: Int) {
            let opinion = data.opinions[vote]
            guard opinion.annotator != annotator else { return }
            let line = lines[opinion.annotator]
            terms.append(
                ScoreSystem.Term(
                    left: opinion.left, right: opinion.right, score: opinion.score, slope: line.slope,
                    offset: line.offset, weight: opinion.weight))
        }
        if all {
            for vote in data.opinions.indices { add(vote) }
        } else {
            for item in items { for vote in votesOn[item] where seen.insert(vote).inserted { add(vote) } }
        }
        return terms
    }

    private func goldTerms(_ items: [Int]) -> [ScoreSystem.Term] {
        var questions: Set<Int> = []
        for item in items { questions.formUnion(goldOn[item]) }
        return questions.sorted().map { question in
            let opinion = data.gold[question]
            return ScoreSystem.Term(
                left: opinion.left, right: opinion.right, score: opinion.score, slope: Self.goldSkill, offset: 0,
                weight: Self.goldWeight)
        }
    }
}
