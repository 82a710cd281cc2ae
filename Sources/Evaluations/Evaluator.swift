import Datasets
import Foundation
import LanguageModels
package import Reports
import Rewards
package import RunConfiguration
import Tokenizers
package import Torch

/// Measures policies on the held-out prompts of a run: answers, rewards, distance from the reference.
///
/// What it says of a policy is a function of the run file and of the policy's files: random numbers are keyed by prompt,
/// sample and position, the same for every policy, so that two of them are compared on equal terms and a measurement may be
/// repeated by anyone. Immutable; tensors are touched on the executor that ``measure(_:on:sequenceKL:)`` is given.
package struct Evaluator: Sendable {
    /// A step that no training step has: its random numbers are its own.
    static let step = 1 << 30

    let run: RunConfiguration
    let prompts: [EncodedPrompt]
    let encoder: ConversationEncoder
    /// Rewards that can be computed here, in the order of the run file; nil for those of models.
    let rewards: [(section: RewardSection, function: (any RewardFunction)?)]
    /// What was left out of prompts and rewards, and why.
    package let notes: [String]

    /// Reads the prompts and makes the rewards, so that what is wrong with them is said before anything is computed.
    package init(_ run: RunConfiguration) throws {
        guard let policy = run.models.policy else { throw EvaluationError("models.policy is not set in the run file") }
        var notes: [String] = []
        if run.data.evaluationPrompts == nil, run.data.prompts != nil {
            notes.append("data.evaluation_prompts is not set: the prompts of training are used, which are not held out")
        }
        guard let file = run.data.evaluationPrompts ?? run.data.prompts else {
            throw EvaluationError("data.evaluation_prompts is not set in the run file")
        }
        let held = try HeldOutPrompts(file, for: policy, run)
        encoder = held.encoder
        let rows = held.rows
        if let summary = rows.summary { notes.append(summary) }
        prompts = rows.values
        self.run = run
        rewards = try Self.rewards(run, &notes)
        if rewards.isEmpty {
            notes.append(
                "no reward can be computed here, so that only length and KL are reported; name others in "
                    + "evaluation.rewards")
        }
        self.notes = notes
    }

    private static func rewards(
        _ run: RunConfiguration, _ notes: inout [String]
    ) throws -> [(section: RewardSection, function: (any RewardFunction)?)] {
        var made: [(section: RewardSection, function: (any RewardFunction)?)] = []
        for section in run.evaluationRewards {
            switch section.kind {
            case .worker:
                notes.append("reward \(section.name) is left out: a worker serves a live run, not an evaluation")
            case .model(let keys) where keys.path == nil:
                notes.append("reward \(section.name) is left out: no reward model is named")
            case .model: made.append((section, nil))
            case .gold: made.append((section, GoldReward(name: section.name)))
            default:
                do {
                    made.append((section, try RewardFunctions.make(section)))
                } catch let error as RewardError where run.evaluation.rewards.isEmpty && run.scorersAreElsewhere {
                    notes.append("reward \(section.name) is left out: \(error.message)")
                }
            }
        }
        return made
    }

    package var promptCount: Int { prompts.count }

    /// - Parameters:
    ///   - executor: the compute thread, whose number of threads is set.
    ///   - sequenceKL: whether to measure the distance from the reference, which is loaded for it.
    /// - Returns: the figures, and what went wrong on the way, which costs the answers that it happened to and no others.
    package func measure(
        _ policy: HeldOutPolicy, on executor: ComputeExecutor, sequenceKL: Bool = true
    ) async throws -> (answers: MeasuredAnswers, notes: [String]) {
        let computed = try await executor.run { try compute(policy, sequenceKL: sequenceKL) }
        var notes: [String] = []
        var rewards: [MeasuredAnswers.Reward] = []
        for (section, function) in self.rewards {
            let inputs = try inputs(computed, section.text)
            var flat: [Float?]
            var reasons: [String] = []
            if let function {
                (flat, reasons) = try await PatientRewards(function).score(inputs)
            } else {
                flat = computed.modelScores[section.name] ?? inputs.map { _ in nil }
                reasons = ["an answer is beyond the context of its model"]
            }
            // What is not finite is no value, as in PPO.
            flat = flat.map { $0.flatMap { $0.isFinite ? $0 : nil } }
            let failed = flat.count { $0 == nil }
            if failed > 0 {
                notes.append(
                    "reward \(section.name) failed for \(failed) of \(flat.count) answers, which do not count in it"
                        + (reasons.first.map { ": \($0)" } ?? ""))
            }
            rewards.append(
                MeasuredAnswers.Reward(name: section.name, weight: section.weight, values: computed.nested(flat)))
        }
        return (
            MeasuredAnswers(
                prompts: prompts.map(\.text), texts: computed.nested(computed.texts),
                lengths: computed.nested(computed.tokens.map(\.count)), sequenceKL: computed.nested(computed.kl),
                rewards: rewards), notes
        )
    }

    private func inputs(_ computed: ComputedAnswers, _ text: HTTPKeys.Text) throws -> [RewardInput] {
        let columns = try prompts.map { prompt in
            do throws(JSONProblem) {
                return try RewardColumns(extra: prompt.extra, conversation: prompt.conversation)
            } catch {
                throw EvaluationError("the columns of a held-out prompt are not JSON: \(error.reason)")
            }
        }
        return computed.texts.indices.map { index in
            let prompt = index / computed.samples
            let isSequence = text.isSequence(isRendered: encoder.usesTemplate)
            return RewardInput(
                prompt: prompts[prompt].text, response: computed.texts[index],
                text: isSequence
                    ? encoder.tokenizer.decode(
                        prompts[prompt].tokens + computed.tokens[index], skipSpecialTokens: false)
                    : nil,
                tokens: computed.tokens[index].count, extra: columns[prompt].extra, messages: columns[prompt].messages)
        }
    }
}
