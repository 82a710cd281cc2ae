extension Evaluation {
    private static let answersShown = 5

    /// - Parameters:
    ///   - before: of the model that the policy started from.
    ///   - after: of the policy, for the same prompts and with the same rewards.
    package init(before: MeasuredAnswers, after: MeasuredAnswers, klBudget: Double, notes: [String]) {
        prompts = after.prompts.count
        samples = after.samples
        score = before.score.flatMap { old in after.score.map { Figure(old, $0, samples: after.samples) } }
        rewards = zip(before.rewards, after.rewards).map { Figure($0, $1, samples: after.samples) }
        func values(_ side: MeasuredAnswers) -> [[Double]] { side.lengths.map { $0.map(Double.init) } }
        length = Comparison(before: values(before), after: values(after), isScore: false)
        sequenceKL = Estimate.ofAnyValues(after.sequenceKL)
        self.klBudget = klBudget
        answers = Self.answers(before, after)
        self.notes = notes
    }

    /// Those with the lowest and the highest score; the first ones when there is no score.
    private static func answers(_ before: MeasuredAnswers, _ after: MeasuredAnswers) -> [Answer] {
        let (old, new) = (before.score, after.score)
        let all = after.texts.indices.flatMap { prompt in
            after.texts[prompt].indices.map { sample in
                Answer(
                    prompt: after.prompts[prompt], before: before.texts[prompt][sample],
                    after: after.texts[prompt][sample],
                    scoreBefore: old?.values[prompt][sample].map(Double.init),
                    scoreAfter: new?.values[prompt][sample].map(Double.init))
            }
        }
        return extremes(all, count: answersShown, by: \.scoreAfter)
    }
}

/// The elements with the lowest and the highest value, lowest first; the first ones when none has a value.
func extremes<Element>(_ all: [Element], count: Int, by value: (Element) -> Double?) -> [Element] {
    let known = all.enumerated().compactMap { index, element in value(element).map { (index, $0, element) } }
    guard !known.isEmpty else { return Array(all.prefix(2 * count)) }
    let sorted = known.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.2)
    return sorted.count <= 2 * count ? sorted : Array(sorted.prefix(count) + sorted.suffix(count))
}

extension Evaluation.Comparison {
    /// - Parameters:
    ///   - before: the values of each prompt.
    ///   - isScore: whether values that are all 0 or 1 are a share, which lengths and distances are not.
    init(before: [[Double]], after: [[Double]], isScore: Bool = true) {
        let common = zip(before, after).filter { !$0.isEmpty && !$1.isEmpty }
        func mean(_ values: [[Double]]) -> Estimate? {
            isScore ? Estimate.mean(values) : Estimate.ofAnyValues(values)
        }
        self.init(
            before: mean(common.map(\.0)), after: mean(common.map(\.1)),
            difference: Estimate.difference(before: common.map(\.0), after: common.map(\.1)))
    }
}

extension Evaluation.Figure {
    init(_ old: MeasuredAnswers.Reward, _ new: MeasuredAnswers.Reward, samples: Int) {
        let (before, after) = (old.known, new.known)
        let common = zip(before, after).enumerated().filter { !$0.element.0.isEmpty && !$0.element.1.isEmpty }
        self.init(
            name: new.name, weight: new.weight, values: Evaluation.Comparison(before: before, after: after),
            winRate: Estimate.share(
                common.map { [Self.wins(of: $0.element.1, against: $0.element.0)] },
                behind: common.reduce(0) { $0 + $1.element.1.count }),
            passAtK: old.isRightOrWrong && new.isRightOrWrong
                ? passSizes(samples: samples).map { k in
                    let prompts = common.map(\.offset)
                    return Evaluation.Pass(
                        k: k, before: old.pass(k, prompts: prompts), after: new.pass(k, prompts: prompts))
                } : [],
            failedBefore: old.failed, failedAfter: new.failed)
    }

    /// The share of all pairs of answers that the first side wins; ties count one half.
    private static func wins(of first: [Double], against second: [Double]) -> Double {
        let sum = first.reduce(0.0) { sum, mine in
            sum + second.reduce(0.0) { $0 + (mine > $1 ? 1 : mine == $1 ? 0.5 : 0) }
        }
        return sum / Double(first.count * second.count)
    }
}
