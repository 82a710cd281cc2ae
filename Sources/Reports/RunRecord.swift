import Foundation
import RunLayout

/// What the files of a run directory say; each of them may be missing.
struct RunRecord {
    /// A line of `samples.jsonl`.
    struct Sample: Decodable {
        /// From 1.
        var step: Int
        var prompt: String
        var response: String
        /// nil when a reward of it failed.
        var score: Double?
    }

    let evaluation: Evaluation?
    let history: HeldOutHistory
    /// Figures of the stage reward_model.
    let rewardModel: [String: Double]
    let seconds: [String: Double]
    /// `metrics.jsonl`
    let steps: [[String: Double]]
    let samples: [Sample]
    let facts: RunReport.Facts
    /// What stands in `policy-best`.
    let bestPolicy: BestPolicy?

    init(runDirectory: String, facts: RunReport.Facts) {
        let layout = RunLayout(runDirectory)
        func value<T: Decodable>(_ path: String, _ type: T.Type) -> T? {
            FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(type, from: $0) }
        }
        // A line that a crash cut short is left out.
        func lines<T: Decodable>(_ entry: RunLayout.Entry, _ type: T.Type) -> [T] {
            (layout.data(entry) ?? Data()).split(separator: UInt8(ascii: "\n")).compactMap {
                try? JSONDecoder().decode(type, from: Data($0))
            }
        }
        struct Stage: Decodable { var figures: [String: Double] }
        evaluation = value(layout[.evaluation], Evaluation.self)
        history = HeldOutHistory(runDirectory: runDirectory)
        rewardModel = value(layout.rewardModelState, Stage.self)?.figures ?? [:]
        seconds = value(layout[.stageTimes], [String: Double].self) ?? [:]
        steps = lines(.metrics, [String: Double].self)
        samples = lines(.samples, Sample.self)
        self.facts = facts
        bestPolicy = BestPolicy.read(in: runDirectory)
    }

    /// Mean score of the answers of the first step and of the last.
    var reward: (first: Double, last: Double, steps: Int)? {
        let scores = steps.compactMap { $0["critic/score/mean"] }
        guard let first = scores.first, let last = scores.last else { return nil }
        return (first, last, scores.count)
    }

    /// Accuracy of the reward model on held-out pairs. One pair is no accuracy.
    var accuracy: Estimate? { StageFigures.accuracy(rewardModel) }

    /// All steps of PPO are made.
    var isFinished: Bool { facts.steps.map { RunSteps(steps).last ?? 0 >= $0 } ?? false }

    /// Why the policy of a finished run is degraded; nil when it is not.
    var degradation: String? { isFinished ? Degradation(self).reason : nil }

    var best: (step: Int, value: Estimate)? { history.best(by: facts.best, basis: history.basis) }
}
