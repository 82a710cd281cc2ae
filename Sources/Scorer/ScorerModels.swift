import ClusterModel
import Foundation
import LanguageModels
import Synchronization
import Torch

/// The frozen models of a scorer. Used on the compute thread; the flags are readable anywhere.
final class ScorerModels: Sendable {
    // SAFETY: touched on the compute thread alone.
    nonisolated(unsafe) private var referenceModel: CausalLM?
    nonisolated(unsafe) private var rewardModel: RewardModel?
    private let loaded = Mutex((reference: false, reward: false))

    var hasReference: Bool { loaded.withLock { $0.reference } }
    var hasReward: Bool { loaded.withLock { $0.reward } }

    func loadReference(_ files: [String: Data], _ device: Device, _ arithmetic: Arithmetic) throws {
        let model = try CausalLM(files: files, device: device)
        model.trunk.arithmetic = arithmetic
        referenceModel = model
        loaded.withLock { $0.reference = true }
    }

    func loadReward(_ files: [String: Data], _ device: Device) throws {
        rewardModel = try RewardModel(files: files, device: device)
        loaded.withLock { $0.reward = true }
    }

    /// Log-probability of each response token at the temperature of the run.
    func reference(_ job: ScoreJob) throws -> [[Float]] {
        try referenceModel?.logProbabilities(
            job.trajectories.map { $0.promptTokens + $0.responseTokens },
            scoredFrom: job.trajectories.map(\.promptTokens.count),
            temperature: job.temperature > 0 ? job.temperature : 1) ?? []
    }

    func reward(_ job: ScoreJob) throws -> [Float?] {
        try rewardModel?.score(job.trajectories.map { $0.promptTokens + $0.responseTokens }).map { Optional($0) } ?? []
    }
}
