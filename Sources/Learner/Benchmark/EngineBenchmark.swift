import LanguageModels
import PolicyOptimization
import Torch

/// Generation and one training step of one model, the same work as `scripts/peers/bench_engine.py` has transformers do:
/// Llama, 6 layers, d 256, ff 768, 4 heads, vocabulary 4096; batch 32, prompts of 16 tokens, 48 new ones (EOS off), and
/// forward, backward and AdamW over 32 rows of 64 tokens.
///
/// Used on the thread that owns the tensors; call `TorchRuntime.configure` first.
package struct EngineBenchmark {
    package struct Result: Codable, Sendable {
        /// New tokens over the time of the whole generation, reading of the prompts and drawing of the tokens included.
        package var generateTokensPerSecond: Double
        /// Tokens of the batch over the time of a step.
        package var trainTokensPerSecond: Double
        package var threads: Int

        enum CodingKeys: String, CodingKey {
            case generateTokensPerSecond = "generate_tokens_per_s"
            case trainTokensPerSecond = "train_tokens_per_s"
            case threads
        }
    }

    private let rows = 32
    private let promptLength = 16
    private let newTokens = 48
    private let model: CausalLM

    package init() throws {
        model = try CausalLM(
            configuration: ModelConfiguration(
                vocabularySize: 4096, hiddenSize: 256, intermediateSize: 768, layerCount: 6, headCount: 4,
                contextLength: 256), seed: 0)
    }

    /// The best of `repeats`, after one that does not count, as the peer does.
    package func run(repeats: Int = 5) throws -> Result {
        var random = CounterGenerator(0, 0)
        func tokens(_ count: Int) -> [Int32] { (0..<count).map { _ in 3 + Int32(random.uniform() * 4093) } }
        let requests = (0..<rows).map { GenerationRequest(tokens: tokens(promptLength), row: $0) }
        let generation = try fastest(repeats) { step in
            _ = try model.generate(requests, SamplingOptions(maxNewTokens: newTokens), seed: 0, step: step)
        }
        try model.setTrainable(true)
        let optimizer = try AdamW(model.parameters)
        let batch = try TokenBatch((0..<rows).map { _ in tokens(promptLength + newTokens) })
        let scored = rows * (promptLength + newTokens - 1)
        let training = try fastest(repeats) { _ in
            try optimizer.zeroGradients()
            _ = try SupervisedLoss.backward(model, batch, globalTokens: scored)
            try optimizer.step(learningRate: 1e-4)
        }
        return Result(
            generateTokensPerSecond: Double(rows * newTokens) / generation,
            trainTokensPerSecond: Double(rows * (promptLength + newTokens)) / training, threads: TorchRuntime.threads)
    }

    /// Seconds.
    private func fastest(_ repeats: Int, _ work: (Int) throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        var best = Double.infinity
        for number in 0...max(1, repeats) {
            let start = clock.now
            try work(number)
            if number > 0 { best = min(best, (clock.now - start).seconds) }
        }
        return best
    }
}
