import Foundation
import LanguageModels
import PolicyOptimization
import Torch

/// Generation and one training step of one model, the same work as `scripts/peers/bench_engine.py`, `bench_gpt2.py` and
/// `bench_llamacpp.py` have their libraries do: prompts of 16 tokens, 48 new ones (EOS off), and forward, backward and
/// AdamW over rows of 64 tokens.
///
/// Used on the thread that owns the tensors; call `TorchRuntime.configure` first.
struct EngineBenchmark {
    struct Result: Codable, Sendable {
        /// New tokens over the time of the whole generation, reading of the prompts and drawing of the tokens included.
        var generateTokensPerSecond: Double
        /// Tokens of the batch over the time of a step; nil = not asked for.
        var trainTokensPerSecond: Double?
        /// What the generation reads of weights, once for each token of a row, over what the memory gives.
        var generateOfBandwidth: Double
        /// Multiplications and additions of weights over the peak of a large product of matrices.
        var generateOfPeak: Double
        var trainOfPeak: Double?
        /// The step with exact arithmetic, in which generation is the same.
        var exactTrainTokensPerSecond: Double?
        var yardstick: Yardstick
        var threads: Int

        enum CodingKeys: String, CodingKey {
            case generateTokensPerSecond = "generate_tokens_per_s"
            case trainTokensPerSecond = "train_tokens_per_s"
            case generateOfBandwidth = "generate_of_bandwidth"
            case generateOfPeak = "generate_of_peak"
            case trainOfPeak = "train_of_peak"
            case exactTrainTokensPerSecond = "exact_train_tokens_per_s"
            case yardstick, threads
        }
    }

    /// Which model; random weights.
    enum Model: Sendable {
        /// Llama, 6 layers, d 256, ff 768, 4 heads, vocabulary 4096.
        case small
        /// GPT-2 124M.
        case gpt2

        var configuration: ModelConfiguration {
            get throws {
                switch self {
                case .small:
                    try ModelConfiguration(
                        vocabularySize: 4096, hiddenSize: 256, intermediateSize: 768, layerCount: 6, headCount: 4,
                        contextLength: 256)
                case .gpt2: try ModelConfiguration(data: Data(Self.gpt2Entries.utf8))
                }
            }
        }

        private static let gpt2Entries = """
            {"model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12,
            "n_positions": 1024}
            """
    }

    private let rows: Int
    private let promptLength = 16
    private let newTokens = 48
    private let model: CausalLM
    /// Weights that a token is multiplied with.
    private let multiplied: Int

    init(_ kind: Model = .small, rows: Int = 32) throws {
        self.rows = rows
        model = try CausalLM(configuration: kind.configuration, seed: 0)
        let matrices = model.parameters.filter { $0.tensor.rank == 2 }
        let looked = matrices.filter { $0.name.hasSuffix("wpe.weight") || $0.name == "model.embed_tokens.weight" }
        multiplied = matrices.reduce(0) { $0 + $1.tensor.count } - looked.reduce(0) { $0 + $1.tensor.count }
    }

    /// Writes the model as a Hugging Face directory, for peers that are to have the same weights.
    func export(to directory: String) throws { try model.export(to: directory) }

    /// The best of `repeats`, after one that does not count, as the peer does.
    func run(training trains: Bool = true, repeats: Int = 5) throws -> Result {
        let yardstick = try Yardstick.measure()
        var random = CounterGenerator(0, 0)
        let vocabulary = Double(model.configuration.vocabularySize - 3)
        func tokens(_ count: Int) -> [Int32] { (0..<count).map { _ in 3 + Int32(random.uniform() * vocabulary) } }
        let requests = (0..<rows).map { GenerationRequest(tokens: tokens(promptLength), row: $0) }
        let generation = try Yardstick.fastest(repeats) { step in
            _ = try model.generate(requests, SamplingOptions(maxNewTokens: newTokens), seed: 0, step: step)
        }
        // One pass over the prompts gives the first token.
        let passes = Double(newTokens)
        let read = passes * Double(multiplied) * 4 / generation
        let arithmetic = 2 * Double(multiplied * rows * (newTokens + promptLength - 1)) / generation
        var result = Result(
            generateTokensPerSecond: Double(rows * newTokens) / generation,
            generateOfBandwidth: read * 1e-9 / yardstick.gigabytesPerSecond,
            generateOfPeak: arithmetic * 1e-9 / yardstick.gigaflops, yardstick: yardstick,
            threads: TorchRuntime.threads)
        guard trains else { return result }
        try model.setTrainable(true)
        let optimizer = try AdamW(model.parameters)
        let batch = try TokenBatch((0..<rows).map { _ in tokens(promptLength + newTokens) })
        let scored = rows * (promptLength + newTokens - 1)
        func step(_ arithmetic: Arithmetic) throws -> Double {
            model.trunk.arithmetic = arithmetic
            return try Yardstick.fastest(repeats) { _ in
                try optimizer.zeroGradients()
                _ = try SupervisedLoss.backward(model, batch, globalTokens: scored)
                try optimizer.step(learningRate: 1e-4)
            }
        }
        let trained = Double(rows * (promptLength + newTokens))
        result.exactTrainTokensPerSecond = trained / (try step(.exact))
        let step = try step(.fast)
        result.trainTokensPerSecond = trained / step
        result.trainOfPeak = 6 * Double(multiplied) * trained / step * 1e-9 / yardstick.gigaflops
        return result
    }
}
