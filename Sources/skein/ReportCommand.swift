import ArgumentParser
import Console
import Coordinator
import Foundation
import Reports
import RunConfiguration
import RunLayout
import Cryptography

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write report.html and summary.json of a run again, and print the table.")
    @Argument(help: "Run directory.") var runDirectory: String

    func run() throws { try Self.write(runDirectory: runDirectory) }

    static func write(runDirectory: String) throws {
        do {
            Console.output(try RunReport.write(runDirectory: runDirectory, facts: facts(runDirectory)))
        } catch {
            throw CommandError(.failed, "cannot write the report of \(runDirectory): \(error)")
        }
    }

    static func facts(_ runDirectory: String) -> RunReport.Facts {
        let run = try? RunConfiguration.loadOwn(runDirectory)?.configuration
        let journal = RunLayout(runDirectory)[.journal]
        return RunReport.Facts(
            seed: run?.seed, policySHA256: try? SHA256.hash(fileAt: RunLayout(runDirectory).policyWeights),
            jobs: JournalSummary.jobs(path: journal),
            best: run?.evaluation.best ?? EvaluationSection.score,
            steps: run.flatMap { $0.stages.contains(.ppo) ? $0.ppo.steps : nil },
            promptsPerStep: run?.rollout.promptsPerStep,
            alarms: RunAlarm.gathered(JournalSummary.alarms(path: journal)))
    }
}
