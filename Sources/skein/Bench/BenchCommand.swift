import ArgumentParser
import Console
import Foundation

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measurements for scripts/bench.",
        subcommands: [Dispatch.self, EngineBench.self, GPT2.self, LlamaCpp.self, Weights.self, PPO.self, Memory.self])

    struct EngineBench: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "engine", abstract: "Generation and a training step.")
        func run() throws { try Engine.replaceProcess(arguments: ["bench", "engine"]) }
    }

    struct GPT2: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gpt2", abstract: "Generation and a training step of GPT-2 124M, batch 8.")
        func run() throws { try Engine.replaceProcess(arguments: ["bench", "gpt2"]) }
    }

    struct LlamaCpp: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "llamacpp", abstract: "Generation of GPT-2 124M and the small Llama.")
        func run() throws { try Engine.replaceProcess(arguments: ["bench", "llamacpp"]) }
    }

    struct Weights: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "weights", shouldDisplay: false)
        @Option(help: "Folder that gets one directory for each model.") var directory: String
        func run() throws { try Engine.replaceProcess(arguments: ["bench", "weights", "--directory", directory]) }
    }

    struct Memory: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "memory", abstract: "Peak memory of one step of fine-tuning.")
        @Option(help: "A model directory.") var model: String
        @Option(help: "Tokens of the step.") var tokens = 4096
        func run() throws {
            try Engine.replaceProcess(arguments: ["bench", "memory", "--model", model, "--tokens", "\(tokens)"])
        }
    }

    struct PPO: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ppo", abstract: "One PPO iteration.")
        func run() throws { try Engine.replaceProcess(arguments: ["bench", "ppo"]) }
    }

    struct Dispatch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dispatch", abstract: "Round trips of empty jobs through the coordinator.")
        @Option(help: .hidden) var role: String?
        @Option(help: .hidden) var load = "pipelined"
        @Option(help: .hidden) var directory = "."
        @Option(help: .hidden) var coordinator = ""

        func run() async throws {
            let amount = load == "lockstep" ? DispatchBenchmark.lockstep : DispatchBenchmark.pipelined
            switch role {
            case "coordinator":
                ParentWatch.start()
                try await DispatchBenchmark.coordinate(amount, directory: directory)
            case "worker":
                ParentWatch.start()
                try await DispatchBenchmark.work(amount, coordinator, directory: directory)
            default:
                let data = try JSONEncoder().encode(await DispatchBenchmark.run())
                Console.output(String(decoding: data, as: UTF8.self))
            }
        }
    }
}
