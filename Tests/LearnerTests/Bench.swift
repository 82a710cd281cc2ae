import ClusterModel
import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Torch

@testable import Learner

/// A small world for the trainer: a model, a sampler of our own and rewards that are functions of the tokens.
struct Bench {
    static let end: Int32 = 1

    static func configuration() throws -> ModelConfiguration {
        try ModelConfiguration(
            vocabularySize: 24, hiddenSize: 16, intermediateSize: 32, layerCount: 2, headCount: 2, contextLength: 48,
            endTokens: [end])
    }

    static func policy(seed: UInt64 = 1, dtype: DType = .float32) throws -> CausalLM {
        try CausalLM(configuration: configuration(), seed: seed, dtype: dtype)
    }

    static func settings() -> PPOSettings {
        var settings = PPOSettings()
        (settings.ppo.learningRate, settings.ppo.criticLearningRate) = (3e-3, 3e-3)
        (settings.ppo.schedule, settings.ppo.warmup) = (.constant, 0)
        settings.ppo.tokenBudget = 64
        settings.seed = 5
        (settings.ppo.missingEOS, settings.ppo.missingEOSPenalty) = (.subtract, 0)
        return settings
    }

    static func trainer(_ settings: PPOSettings = settings(), dtype: DType = .float32) throws -> PPOTrainer {
        let policy = try policy(dtype: dtype)
        let critic: Critic? =
            switch (settings.ppo.advantage.needsCritic, settings.ppo.critic) {
            case (false, _): nil
            case (true, .separate): .separate(try ValueModel(from: policy))
            case (true, .shared): .shared(try ScalarHead(hiddenSize: 16, seed: 9))
            }
        return try PPOTrainer(policy: policy, critic: critic, settings: settings)
    }

    /// Samples answers one token at a time; slow, readable, and nothing like the engine's generator.
    static func rollout(
        _ policy: CausalLM, reference: CausalLM, step: Int, version: Int, prompts: Int = 8, samples: Int = 2,
        length: Int = 6, temperature: Double = 1, reward: ([Int32]) -> Float?
    ) throws -> [RolloutSample] {
        var result: [RolloutSample] = []
        for row in 0..<prompts {
            for sample in 0..<samples {
                let prompt: [Int32] = [2, 3 + Int32(row % 8)]
                let key = RandomKey(seed: 1, step: step, row: row, sample: sample)
                var answer: [Int32] = []
                while answer.count < length, answer.last != end {
                    let logits = try noGrad { try policy.logits(tokens: [prompt + answer]).floats() }
                    let scores = logits.suffix(24).map { Double($0) / temperature }
                    let highest = scores.max() ?? 0
                    let weights = scores.map { exp($0 - highest) }
                    var left = key.uniform(answer.count) * weights.reduce(0, +)
                    var choice = 23
                    for (token, weight) in weights.enumerated() {
                        left -= weight
                        if left < 0 {
                            choice = token
                            break
                        }
                    }
                    answer.append(Int32(choice))
                }
                func scored(_ model: CausalLM) throws -> [Float] {
                    try model.logProbabilities(
                        [prompt + answer], scoredFrom: [prompt.count], temperature: temperature)[0]
                }
                result.append(
                    RolloutSample(
                        trajectory: Trajectory(
                            row: row, sample: sample, promptTokens: prompt, responseTokens: answer,
                            mask: [UInt8](repeating: 1, count: answer.count), logProbabilities: try scored(policy),
                            versions: [UInt32](repeating: UInt32(version), count: answer.count),
                            finish: answer.last == end ? .eos : .length, promptText: "", responseText: ""),
                        reference: try scored(reference), rewards: ["test": reward(answer)]))
            }
        }
        return result
    }

    /// Share of even tokens: easy to learn in a few steps.
    static func evenness(_ answer: [Int32]) -> Float {
        Float(answer.filter { $0 % 2 == 0 }.count) / Float(max(1, answer.count))
    }

    static func inTemporaryDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "skein-learner-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }
}

extension KLSection {
    mutating func fix(_ beta: Double) { (controller, coefficient) = (.fixed, beta) }

    mutating func adapt(from beta: Double, target: Double, horizon: Double) {
        (controller, initial) = (.adaptive, beta)
        (self.target, self.horizon) = (target, horizon)
    }
}
