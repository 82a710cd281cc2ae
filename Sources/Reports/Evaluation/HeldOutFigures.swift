import Foundation

/// What the held-out prompts said of the policy after one step: a line of `evaluations.jsonl`.
package struct HeldOutFigures: Codable, Sendable, Equatable {
    /// Steps that led to this policy; 0: the model that it started from.
    package var step: Int
    package var prompts: Int
    package var samples: Int
    /// `score`, `reward/NAME`, both with `/pass@K`, `response_length` and `sequence_kl`.
    package var figures: [String: Estimate]
    /// Answers without a value, by the name of the reward.
    package var failed: [String: Int]
    /// Hash of what decides the figures beside the policy: prompts, rewards, sampling. Lines with another one cannot be
    /// compared with this one.
    package var basis: String?

    package static let score = "score"
    package static let length = "response_length"
    package static let sequenceKL = "sequence_kl"

    /// - Parameter name: as `evaluation.best` has it: `score`, the name of a reward, or either with `/pass@K`.
    package static func key(_ name: String) -> String {
        name == score || name.hasPrefix("\(score)/pass@") ? name : "reward/\(name)"
    }

    package init(step: Int, _ answers: MeasuredAnswers, basis: String? = nil) {
        self.step = step
        self.basis = basis
        prompts = answers.prompts.count
        samples = answers.samples
        figures = [:]
        failed = [:]
        figures[Self.length] = Estimate.ofAnyValues(answers.lengths.map { $0.map(Double.init) })
        figures[Self.sequenceKL] = Estimate.ofAnyValues(answers.sequenceKL)
        let score = answers.score.map { [(Self.score, $0)] } ?? []
        for (key, reward) in score + answers.rewards.map({ ("reward/\($0.name)", $0) }) {
            figures[key] = Estimate.mean(reward.known)
            if reward.failed > 0, key != Self.score { failed[reward.name] = reward.failed }
            guard reward.isRightOrWrong else { continue }
            for k in passSizes(samples: samples) {
                figures["\(key)/pass@\(k)"] = reward.pass(k, prompts: Array(answers.prompts.indices))
            }
        }
    }
}

extension HeldOutFigures {
    /// For people.
    ///
    /// - Parameter name: of the figure that counts, as `evaluation.best` has it.
    package func sentence(_ name: String) -> String {
        let what =
            "\(samples == 1 ? "" : "\(samples) answers to each of ")\(prompts) held-out prompts after step \(step)"
        guard let value = figures[Self.key(name)] else { return "\(what): no \(name) could be measured" }
        let kl = figures[Self.sequenceKL].map { ", KL \(Rounded.number($0.mean)) nats" } ?? ""
        let lost = failed.sorted { $0.key < $1.key }.map { ", \($0.value) without \($0.key)" }.joined()
        return "\(what): \(name) \(Rounded.estimate(value))\(kl)\(lost)"
    }
}
