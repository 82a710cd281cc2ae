import ClusterModel
import LanguageModels
import Learner
import PolicyOptimization
import RunConfiguration
import Torch

/// One PPO iteration in one process, the same work as `scripts/peers/bench_ppo.py` has TRL do: 64 prompts of 16 tokens,
/// 48 new tokens each (EOS off), reward and reference models of the policy's size, a separate critic, 4 epochs of 4
/// minibatches. Llama, 6 layers, d 256, ff 768, 4 heads, vocabulary 4096.
///
/// Used on the thread that owns the tensors; call `TorchRuntime.configure` first.
struct PPOBenchmark {
    struct Result: Codable, Sendable {
        /// Median of the rounds.
        var seconds: Double
        var rounds: [Double]
        var threads: Int
        /// Of the last round, by phase: generation, scoring, and the trainer's own.
        var phases: [String: Double]
    }

    private let prompts = 64
    private let promptLength = 16
    private let newTokens = 48
    private let policy: CausalLM
    private let reference: CausalLM
    private let reward: RewardModel
    private let trainer: PPOTrainer

    init() throws {
        let configuration = try ModelConfiguration(
            vocabularySize: 4096, hiddenSize: 256, intermediateSize: 768, layerCount: 6, headCount: 4,
            contextLength: 256)
        policy = try CausalLM(configuration: configuration, seed: 0)
        reference = try policy.copy()
        reward = try RewardModel(from: policy, seed: 1)
        var settings = PPOSettings()
        // TRL's update neither stops early nor skips.
        (settings.ppo.targetKL, settings.ppo.maxMeanRatio) = (nil, nil)
        trainer = try PPOTrainer(
            policy: policy, critic: .separate(ValueModel(from: reward)), settings: settings)
    }

    /// - Parameter warmup: iterations before those that count.
    func run(iterations: Int = 1, warmup: Int = 1) throws -> Result {
        var rounds: [Double] = []
        var phases: [String: Double] = [:]
        for number in 0..<(max(0, warmup) + max(1, iterations)) {
            let clock = ContinuousClock()
            let start = clock.now
            phases = try iterate(number)
            if number >= warmup { rounds.append((clock.now - start) / .seconds(1)) }
        }
        let sorted = rounds.sorted()
        let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        return Result(seconds: median, rounds: rounds, threads: TorchRuntime.threads, phases: phases)
    }

    private func iterate(_ number: Int) throws -> [String: Double] {
        let clock = ContinuousClock()
        let start = clock.now
        var random = CounterGenerator(0, UInt64(number))
        let requests = (0..<prompts).map { row in
            GenerationRequest(
                tokens: (0..<promptLength).map { _ in 3 + Int32(random.uniform() * 4093) }, row: row)
        }
        let answers = try policy.generate(
            requests, SamplingOptions(maxNewTokens: newTokens), seed: 0, step: number)
        let generated = clock.now
        let rows = answers.map { requests[$0.request].tokens + $0.tokens }
        let rewards = try reward.score(rows)
        let references = try reference.logProbabilities(
            rows, scoredFrom: rows.map { _ in promptLength })
        let scored = clock.now
        let samples = answers.indices.map { index in
            let answer = answers[index]
            return RolloutSample(
                trajectory: Trajectory(
                    row: answer.row, sample: answer.sample, promptTokens: requests[answer.request].tokens,
                    responseTokens: answer.tokens, mask: [UInt8](repeating: 1, count: answer.tokens.count),
                    logProbabilities: answer.logProbabilities,
                    versions: [UInt32](repeating: UInt32(clamping: number), count: answer.tokens.count),
                    finish: .length, promptText: "", responseText: ""),
                reference: references[index], rewards: ["reward": rewards[index]])
        }
        let report = try trainer.update(samples)
        var phases = report.metrics.filter { $0.key.hasPrefix("timing_s/") }
        phases["timing_s/gen"] = (generated - start) / .seconds(1)
        phases["timing_s/score"] = (scored - generated) / .seconds(1)
        phases[Metric.logProbabilityDifference] = report.metrics[Metric.logProbabilityDifference]
        phases[Metric.updates] = report.metrics[Metric.updates]
        return phases
    }
}
