import ClusterModel
import Foundation
import LanguageModels
import RunConfiguration
import Synchronization
import Tokenizers
import Torch

/// The frozen models of a scorer. Used on the compute thread; the flags are readable anywhere.
final class ScorerModels: Sendable {
    /// A reward model, and what encodes texts for it where it does not read the policy's ids.
    private struct Reward {
        let model: RewardModel
        let encoder: AnswerEncoder?
    }

    // SAFETY: touched on the compute thread alone.
    nonisolated(unsafe) private var referenceModel: CausalLM?
    nonisolated(unsafe) private var rewards: [String: Reward] = [:]
    private let loaded = Mutex((reference: false, rewards: Set<String>()))

    var hasReference: Bool { loaded.withLock { $0.reference } }
    /// - Parameter hash: of the artifact. Rewards with the same files share one model.
    func hasReward(_ hash: String) -> Bool { loaded.withLock { $0.rewards.contains(hash) } }

    func loadReference(_ files: [String: Data], _ device: Device, _ arithmetic: Arithmetic) throws {
        let model = try CausalLM(files: files, device: device)
        model.trunk.arithmetic = arithmetic
        referenceModel = model
        loaded.withLock { $0.reference = true }
    }

    /// - Parameters:
    ///   - arguments: of the run for chat templates.
    ///   - clock: of the run, for templates that print the date.
    func loadReward(
        _ files: [String: Data], _ hash: String, _ keys: ModelKeys, arguments: String?, clock: Double?,
        _ device: Device
    ) throws {
        rewards[hash] = Reward(
            model: try RewardModel(files: files, device: device),
            encoder: try keys.encodesAgain
                ? AnswerEncoder(
                    Tokenizer(files: files), isTrainedHere: RewardModel.isTrainedHere(files),
                    usesTemplate: keys.usesTemplate, arguments: arguments, clock: clock) : nil)
        loaded.withLock { _ = $0.rewards.insert(hash) }
    }

    /// Log-probability of each response token at the temperature of the run.
    ///
    /// - Parameter beforePiece: called before each micro-batch; may throw to end the work.
    func reference(_ job: ScoreJob, beforePiece: () throws -> Void) throws -> [[Float]] {
        try referenceModel?.logProbabilities(
            job.trajectories.map { $0.promptTokens + $0.responseTokens },
            scoredFrom: job.trajectories.map(\.promptTokens.count),
            temperature: job.temperature > 0 ? job.temperature : 1, beforePiece: beforePiece) ?? []
    }

    /// Normalised rewards of the model with this hash; nil for an answer that is beyond the model's context.
    func reward(_ job: ScoreJob, _ hash: String, beforePiece: () throws -> Void) throws -> [Float?] {
        guard let reward = rewards[hash] else { return [] }
        let rows = try job.trajectories.map { trajectory in
            // An answer that the policy did not end, by the limit of its length or a stop text, is no finished turn here.
            try reward.encoder.map {
                try $0.tokens(
                    prompt: trajectory.promptText, conversation: job.rows[trajectory.row]?.conversation ?? "",
                    answer: trajectory.responseText, isFinished: trajectory.finish == .eos)
            } ?? trajectory.promptTokens + trajectory.responseTokens
        }
        let context = reward.model.configuration.contextLength
        let fitting = rows.indices.filter { !rows[$0].isEmpty && rows[$0].count <= context }
        var scores = [Float?](repeating: nil, count: rows.count)
        let values = try reward.model.score(fitting.map { rows[$0] }, beforePiece: beforePiece)
        for (index, value) in zip(fitting, values) { scores[index] = value }
        return scores
    }
}
