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

    package static let score = "score"
    package static let length = "response_length"
    package static let sequenceKL = "sequence_kl"

    /// - Parameter name: as `evaluation.best` has it: `score`, the name of a reward, or either with `/pass@K`.
    package static func key(_ name: String) -> String {
        name == score || name.hasPrefix("\(score)/pass@") ? name : "reward/\(name)"
    }

    package init(step: Int, _ answers: MeasuredAnswers) {
        self.step = step
        prompts = answers.prompts.count
        samples = answers.samples
        figures = [:]
        failed = [:]
        figures[Self.length] = Estimate.mean(answers.lengths.map { $0.map(Double.init) })
        figures[Self.sequenceKL] = Estimate.mean(answers.sequenceKL)
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

/// `evaluations.jsonl` of a run directory, in the order of its steps.
package struct HeldOutHistory: Sendable {
    package static let fileName = "evaluations.jsonl"

    package private(set) var lines: [HeldOutFigures]
    private let path: String

    /// A line that a crash cut short is as if it were not there.
    package init(runDirectory: String) {
        path = "\(runDirectory)/\(Self.fileName)"
        let data = FileManager.default.contents(atPath: path) ?? Data()
        lines = data.split(separator: UInt8(ascii: "\n")).compactMap {
            try? JSONDecoder().decode(HeldOutFigures.self, from: Data($0))
        }
        lines.sort { $0.step < $1.step }
    }

    package func has(step: Int) -> Bool { lines.contains { $0.step == step } }

    /// Writes the file anew with one line more, whole or not at all.
    package mutating func add(_ figures: HeldOutFigures) throws {
        lines.removeAll { $0.step == figures.step }
        lines.append(figures)
        lines.sort { $0.step < $1.step }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = Data()
        for line in lines {
            data += try encoder.encode(line)
            data.append(UInt8(ascii: "\n"))
        }
        let file = URL(filePath: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file, options: .atomic)
    }

    /// The step after 0 with the highest figure, the earliest of equals; nil when none has it.
    ///
    /// - Parameter name: as `evaluation.best` has it.
    package func best(by name: String) -> (step: Int, value: Estimate)? {
        let key = HeldOutFigures.key(name)
        var best: (step: Int, value: Estimate)?
        for line in lines where line.step > 0 {
            guard let value = line.figures[key], value.mean.isFinite else { continue }
            if best.map({ value.mean > $0.value.mean }) ?? true { best = (line.step, value) }
        }
        return best
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
