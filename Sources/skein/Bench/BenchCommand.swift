import ArgumentParser
import Console
import Foundation

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measurements for scripts/bench.",
        subcommands: [Dispatch.self, EngineBench.self, PPO.self])

    struct EngineBench: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "engine", abstract: "Generation and a training step.")
        func run() throws { try Engine.replaceProcess(arguments: ["bench", "engine"]) }
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
