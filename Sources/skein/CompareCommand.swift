import ArgumentParser
import ClusterModel
import Console
import Coordinator
import Foundation
import Reports
import RunConfiguration
import StatusServer

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Two or more runs side by side, finished or live.",
        discussion: """
            Shows the state of each run, the keys of the configuration that differ, the figures of the last step that all \
            runs have, means of the last tenth of the steps (five at least), and held-out prompts.
            """)
    @Argument(help: "Run directories.") var runs: [String]
    @Flag(help: "Print every figure as JSON, not rounded.") var json = false
    @Option(help: "Also write the tables and curves of all runs as a page.") var html: String?

    func validate() throws {
        guard runs.count > 1 else { throw ValidationError("give two run directories at least: skein compare A B") }
    }

    func run() async throws {
        let found = try runs.map { try RunConfiguration.ofRun($0) }
        var facts: [RunComparison.Facts] = []
        for (given, (path, run)) in zip(runs, found) {
            facts.append(
                RunComparison.Facts(
                    directory: given, name: run.name, state: await RunState.of(path), steps: run.ppo.steps,
                    best: run.evaluation.best))
        }
        let differences = ConfigurationDifference.betweenRuns(found.map(\.configuration))
        let comparison = RunComparison(
            facts, differences: differences.map { RunComparison.Difference(key: $0.key, values: $0.values) })
        if let html {
            do {
                try Data(comparison.html().utf8).write(to: URL(filePath: html), options: .atomic)
            } catch {
                throw CommandError(.failed, "cannot write \(html): \(error.localizedDescription)")
            }
        }
        Console.output(json ? String(decoding: try comparison.json(), as: UTF8.self) : comparison.text())
        // Not in the output, which may be JSON for a program.
        if let html { Console.error("page: \(html)") }
    }
}

/// How a run is, in a word or two.
enum RunState {
    /// - Parameter directory: of a run.
    static func of(_ directory: String) async -> String {
        if let file = CoordinatorFile.read(in: directory),
            let snapshot = try? await StatusClient(address: file.status, tokenFile: file.tokenFile).snapshot()
        {
            return "live (\(snapshot.state.rawValue.lowercased()))"
        }
        guard let ended = EndedRun.read(in: directory) else { return "PPO has not started" }
        return switch ended.state {
        case .done: ended.degradation == nil ? "finished" : "finished, degraded"
        case .stopped: "stopped"
        case .failed: "failed: \(ended.failure ?? "see its logs")"
        case .open: "ended from outside"
        }
    }
}
