import ArgumentParser
import Console
import Foundation

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measurements for scripts/bench.", subcommands: [Dispatch.self])

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
                try await DispatchBenchmark.work(coordinator)
            default:
                let data = try JSONEncoder().encode(await DispatchBenchmark.run())
                Console.output(String(decoding: data, as: UTF8.self))
            }
        }
    }
}
