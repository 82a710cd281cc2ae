import ArgumentParser
import Foundation
import Torch

/// Measurements that compute, for `scripts/bench`.
@main
struct EngineBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein-engine-bench", abstract: "Measurements that compute, for scripts/bench.",
        subcommands: [Engine.self, GPT2.self, LlamaCpp.self, Weights.self, PPO.self, Memory.self])

    /// All cores, as the peers.
    static func configure() throws { try TorchRuntime.configure(threads: ProcessInfo.processInfo.activeProcessorCount) }

    struct Engine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "engine", abstract: "Generation and a training step.")
        func run() async throws {
            try EngineBench.configure()
            try printJSON(EngineBenchmark().run())
        }
    }

    struct GPT2: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gpt2", abstract: "Generation and a training step of GPT-2 124M, batch 8.")
        func run() async throws {
            try EngineBench.configure()
            try printJSON(EngineBenchmark(.gpt2, rows: 8).run())
        }
    }

    struct LlamaCpp: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "llamacpp", abstract: "Generation of GPT-2 124M and the small Llama.")
        func run() async throws {
            try EngineBench.configure()
            var results: [String: EngineBenchmark.Result] = [:]
            for rows in [8, 32] {
                results["gpt2_\(rows)"] = try EngineBenchmark(.gpt2, rows: rows).run(training: false)
            }
            results["llama_32"] = try EngineBenchmark(.small, rows: 32).run(training: false)
            try printJSON(results)
        }
    }

    /// The models of these benchmarks, for peers that are to have the same weights.
    struct Weights: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "weights", shouldDisplay: false)
        @Option(help: "Folder that gets one directory for each model.") var directory: String
        func run() async throws {
            try EngineBench.configure()
            try EngineBenchmark(.gpt2, rows: 1).export(to: "\(directory)/gpt2")
            try EngineBenchmark(.small, rows: 1).export(to: "\(directory)/llama")
        }
    }

    struct PPO: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ppo", abstract: "One PPO iteration.")
        func run() async throws {
            try EngineBench.configure()
            try printJSON(PPOBenchmark().run())
        }
    }

    struct Memory: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "memory", abstract: "Peak memory of one step of fine-tuning.")
        @Option(help: "A model directory.") var model: String
        @Option(help: "Tokens of the step.") var tokens = 4096
        func run() async throws {
            try EngineBench.configure()
            try printJSON(MemoryBenchmark(directory: model, tokens: tokens).run())
        }
    }
}

/// One JSON object on the last line, as `scripts/peers/bench.py` reads it.
private func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
