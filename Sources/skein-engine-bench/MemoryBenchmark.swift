import Foundation
import LanguageModels
import Learner
import PolicyOptimization
import Torch

/// One optimizer step of fine-tuning and the most memory that the process has had by then, the same work as
/// `scripts/peers/bench_memory.py` has transformers do: 8 rows of 512 tokens, forward, backward, AdamW, all in fp32.
///
/// Used on the thread that owns the tensors, in a process of its own; call `TorchRuntime.configure` first.
struct MemoryBenchmark {
    struct Result: Codable, Sendable {
        /// Peak of the resident set.
        var gigabytes: Double
        /// Of the step.
        var seconds: Double
        var loss: Double
        var threads: Int
    }

    private let model: CausalLM
    private let rows: [[Int32]]

    /// - Parameter directory: of a model as Hugging Face saves it.
    init(directory: String, tokens: Int = 4096) throws {
        model = try CausalLM(directory: directory)
        let length = min(512, tokens)
        // Tokens 1,000 to 41,999 in a fixed disorder, as the peer has them.
        rows = (0..<max(1, tokens / length)).map { row in
            (0..<length).map { Int32(1000 + (row * length + $0) * 7919 % 41_000) }
        }
    }

    func run() throws -> Result {
        try model.setTrainable(true)
        let optimizer = try AdamW(model.parameters)
        let batch = try TokenBatch(rows)
        let clock = ContinuousClock()
        let start = clock.now
        let loss = try SupervisedLoss.backward(model, batch, globalTokens: batch.scoredCount)
        try optimizer.step(learningRate: 1e-5)
        return Result(
            gigabytes: try Self.peak(), seconds: (clock.now - start) / .seconds(1), loss: loss,
            threads: TorchRuntime.threads)
    }

    /// The most memory that this process has had, in GB.
    private static func peak() throws -> Double {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Double($0) })
        else { throw LearnerError(.io, "/proc/self/status says nothing of the peak of memory (VmHWM)") }
        return kilobytes * 1024 / 1e9
    }
}
