import Preferences

/// Whether a policy is probably worth less than the one that its run began with, by the figures that every run has.
///
/// A run ends as degraded when one of three holds for its last steps (the last tenth, five at least, and never more than
/// the second half):
///
/// 1. Its answers have nothing to do with the reference's any more: the KL is above 25 nats an answer and above 1 nat a
///    token. Runs that learn something keep below 0.5 nats a token; learning rates of 1e-2 end between 2 and 6.
/// 2. It has collapsed: the entropy is below 0.01 nats a token, and the score is below that of the first step. (A policy
///    that is sure of the right answer has the entropy alone.)
/// 3. It scores lower than its start by more than chance: the interval of 95 % of the held-out difference lies below 0.
///    Where nothing was held out, the intervals of the first step's score and of the last steps' do not meet.
struct Degradation {
    private static let klOfAnswer = 25.0
    private static let klOfToken = 1.0
    private static let lowEntropy = 0.01
    private static let raw = (mean: "critic/score/mean", deviation: "critic/score/std")
    /// As it is learned from; not there where scores are normalised, since it follows the run then.
    private static let shaped = (mean: "critic/score/shaped_mean", deviation: "critic/score/shaped_std")
    /// Versions between the policy that answered and the one that learned from it.
    private static let staleness = "rollout/staleness"
    private static let (kl, length) = ("actor/sequence_kl_k1", "response_length/mean")

    private let steps: RunSteps
    private let evaluation: Evaluation?
    private let prompts: Int?

    init(_ record: RunRecord) {
        steps = RunSteps(record.steps)
        evaluation = record.evaluation
        prompts = record.facts.promptsPerStep
    }

    /// Steps that say how the policy is now.
    private var late: [Int] { steps.lastTenth.suffix(max(1, steps.figures.count / 2)) }

    /// Why the policy is degraded; nil when it is not.
    var reason: String? {
        guard steps.figures.count > 1 else { return nil }
        let means = steps.means(of: late)
        return strange(means) ?? collapsed(means) ?? worse(means)
    }

    private func strange(_ means: [String: Double]) -> String? {
        guard let kl = means[Self.kl], let length = means[Self.length], kl > Self.klOfAnswer,
            kl > Self.klOfToken * max(1, length)
        else { return nil }
        return "its KL from the reference is \(Rounded.number(kl)) nats an answer, "
            + "\(Rounded.number(kl / max(1, length))) a token, so its answers have nothing to do with the reference's"
    }

    private func collapsed(_ means: [String: Double]) -> String? {
        guard let entropy = means["actor/entropy"], let score = means[self.score.mean], entropy < Self.lowEntropy,
            let first = firstScore, score < first
        else { return nil }
        return "its entropy is \(Rounded.number(entropy)) nats a token, so all its answers are alike, and their score "
            + "is \(Rounded.number(score)), below the \(Rounded.number(first)) of the first step"
    }

    private func worse(_ means: [String: Double]) -> String? {
        if let evaluation, let score = evaluation.score {
            guard let difference = score.values.difference, let high = difference.high, high < 0 else { return nil }
            return
                "on held-out prompts its \(evaluation.scoreName) is \(Rounded.estimate(score.values.after)), and the "
                + "start's \(Rounded.estimate(score.values.before))"
        }
        guard let prompts, prompts > 1, let first = steps.first, let before = interval([first], prompts),
            let after = interval(late, prompts), after.high < before.low
        else { return nil }
        let learned = score == Self.shaped ? ", as it is learned from," : ""
        return "its mean score\(learned) in the last steps is \(Rounded.number(after.mean)), and it was "
            + "\(Rounded.number(before.mean)) in the first step"
    }

    /// What the run is to raise: a policy that gives up raw score to end its answers is not worse for it.
    private var score: (mean: String, deviation: String) {
        let hasShaped = steps.first.flatMap { steps.figures[$0]?[Self.shaped.mean] } != nil
        return hasShaped ? Self.shaped : Self.raw
    }

    private var firstScore: Double? { steps.first.flatMap { steps.figures[$0]?[self.score.mean] } }

    /// Of the score over steps, with as many independent values as there are prompts: answers to one resemble one another.
    private func interval(_ some: [Int], _ prompts: Int) -> (mean: Double, low: Double, high: Double)? {
        let means = steps.means(of: some)
        guard let mean = means[self.score.mean], let deviation = means[self.score.deviation] else { return nil }
        let count = prompts * some.count
        let reach = StudentT.quantile975(degrees: count - 1) * deviation / Double(count).squareRoot()
        return (mean, mean - reach, mean + reach)
    }

    /// The newest of some steps after which the policy was still sound, by the answers that it gave itself: with a lag those
    /// of a later step than the next.
    func lastSound(of kept: [Int]) -> Int? {
        let sampled = Dictionary(
            steps.figures.sorted { $0.key > $1.key }.map {
                ($0.key - 1 - Int($0.value[Self.staleness] ?? 0), $0.value)
            },
            uniquingKeysWith: { $1 })
        return kept.filter { step in
            guard let next = sampled[step] else { return false }
            let score = next[self.score.mean] ?? -.infinity
            return strange(next) == nil && collapsed(next) == nil && score >= firstScore ?? -.infinity
        }.max()
    }
}
