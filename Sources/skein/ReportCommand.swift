import ArgumentParser
import Console
import Coordinator
import Foundation
import Reports
import RunConfiguration
import Sodium

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write report.html and summary.json of a run again, and print the table.")
    @Argument(help: "Run directory.") var runDirectory: String

    func run() throws { try Self.write(runDirectory: runDirectory) }

    static func write(runDirectory: String) throws {
        do {
            let policy = runDirectory + "/policy/model.safetensors"
            let run = try? RunConfiguration.loadOwn(runDirectory)?.configuration
            Console.output(
                try RunReport.write(
                    runDirectory: runDirectory,
                    facts: RunReport.Facts(
                        seed: run?.seed, policySHA256: try? SHA256.hash(fileAt: policy),
                        jobs: JournalSummary.jobs(path: runDirectory + "/journal.sqlite"),
                        weights: run.map { Dictionary($0.rewards.map { ($0.name, $0.weight) }) { first, _ in first } },
                        best: run?.evaluation.best ?? EvaluationSection.score)))
        } catch {
            throw CommandError(.failed, "cannot write the report of \(runDirectory): \(error)")
        }
    }
}
