import ArgumentParser
import Foundation

/// Measurements of the cluster, for `scripts/bench`: real processes, sockets and files, and jobs that do nothing.
@main
struct SkeinBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein-bench", abstract: "Measurements of the cluster, for scripts/bench.",
        subcommands: [Dispatch.self, Curve.self, Scale.self, Restart.self, Feedback.self, Part.self])

    struct Dispatch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Round trips of empty jobs through the coordinator, many at a time and one at a time.")
        func run() async throws { try printJSON(await DispatchBenchmark.run()) }
    }

    struct Curve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What keys on every connection cost: round trips and weights, with and without, in turn.")
        @Option(help: "Rounds, of which the median counts.") var rounds = 3
        func run() async throws { try printJSON(await CurveBenchmark.run(rounds: max(1, rounds))) }
    }

    struct Scale: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Round trips with few and with many workers, and how fast the status answers meanwhile.")
        @Option(help: "Numbers of workers, with commas between them.") var workers = "10,1000"
        @Option(help: "Jobs of a step.") var jobs = 40_000
        @Option(help: "Steps, the first of which does not count.") var steps = 6
        @Option(help: "Jobs that all workers together hold at a time.") var inFlight = 4_000
        func run() async throws {
            let counts = workers.split(separator: ",").compactMap { Int($0) }
            guard !counts.isEmpty, counts.allSatisfy({ (1...10_000).contains($0) }), jobs > 0, steps > 1, inFlight > 0
            else { throw ValidationError("--workers wants numbers from 1 to 10,000; the others are above 0") }
            var results: [String: ScaleBenchmark.Result] = [:]
            for count in counts {
                let load = Load(jobs: jobs, steps: steps, slots: max(1, inFlight / count), workers: count)
                results["workers_\(count)"] = try await ScaleBenchmark.run(load)
            }
            try printJSON(results)
        }
    }

    struct Restart: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How long a coordinator that was killed takes until it welcomes workers again.")
        @Option(help: "Jobs of the open step, half of which have a result.") var jobs = 100_000
        @Option(help: "Steps behind the run, each of which published an artifact.") var steps = 1_000
        @Option(help: "Megabytes of each artifact.") var megabytes = 500
        func run() async throws {
            try printJSON(
                RestartBenchmark.Result(
                    openJobs: await RestartBenchmark.openJobs(jobs),
                    longRun: await RestartBenchmark.longRun(steps: steps, megabytes: megabytes)))
        }
    }

    struct Feedback: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Annotators who vote at once at the labelling server of skein, which stands beside this program.")
        @Option(help: "Annotators.") var annotators = 200
        @Option(help: "Votes of each.") var votes = 50
        @Option(help: "Mean seconds that an annotator looks at a task; 0: none.") var pause = 1.0
        func run() throws {
            guard (1...900).contains(annotators), votes > 0, pause >= 0 else {
                throw ValidationError("--annotators is from 1 to 900, --votes above 0, --pause from 0")
            }
            guard let own = Bundle.main.executableURL else {
                throw ValidationError("cannot tell where this program lies")
            }
            let skein = own.deletingLastPathComponent().appending(path: "skein")
            try printJSON(
                FeedbackBenchmark.run(annotators: annotators, votes: votes, pause: pause, executable: skein))
        }
    }

    /// One process of a measurement, started by the others of these commands.
    struct Part: AsyncParsableCommand {
        static let configuration = CommandConfiguration(shouldDisplay: false)
        @Argument var role: String
        @Option var directory: String
        @Option var load: String
        @Option var coordinator = ""

        func run() async throws {
            let load = try JSONDecoder().decode(Load.self, from: Data(load.utf8))
            switch role {
            case "coordinator": try await CoordinatorPart.run(load, directory: directory)
            case "worker": try await DispatchBenchmark.work(load, coordinator, directory: directory)
            case "fleet": try await Fleet.run(load, coordinator)
            default: throw ValidationError("no part is called \(role)")
            }
        }
    }
}

/// One JSON object on the last line, as `scripts/peers/bench.py` reads it.
private func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
