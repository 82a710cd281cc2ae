import AtomicFiles
import Foundation
import RunLayout

/// What a run gave: `report.html`, `summary.json`, and a table for the terminal.
package enum RunReport {
    /// What only others know of a run.
    package struct Facts: Sendable {
        package var seed: UInt64?
        /// Of the final policy file.
        package var policySHA256: String?
        /// What the journal counted: completed jobs of each kind, their sum, and results that came twice.
        package var jobs: [String: Int]?
        /// The figure by which a step is the best, as `evaluation.best` has it.
        package var best: String
        /// Steps that PPO is to make; nil when the run has no PPO.
        package var steps: Int?
        package var promptsPerStep: Int?
        package var alarms: [RunAlarm]

        package init(
            seed: UInt64? = nil, policySHA256: String? = nil, jobs: [String: Int]? = nil,
            best: String = HeldOutFigures.score,
            steps: Int? = nil, promptsPerStep: Int? = nil, alarms: [RunAlarm] = []
        ) {
            self.seed = seed
            self.policySHA256 = policySHA256
            self.jobs = jobs
            self.best = best
            self.steps = steps
            self.promptsPerStep = promptsPerStep
            self.alarms = alarms
        }
    }

    /// - Parameter kept: steps whose checkpoints are there.
    /// - Returns: why the policy of a finished run is probably worth less than its start, and the newest kept step at
    ///   which it was not; nil when all is well.
    package static func degradation(
        runDirectory: String, facts: Facts, kept: [Int]
    ) -> (reason: String, lastSound: Int?)? {
        let record = RunRecord(runDirectory: runDirectory, facts: facts)
        return record.degradation.map { ($0, Degradation(record).lastSound(of: kept)) }
    }

    /// - Returns: the table.
    package static func write(runDirectory: String, facts: Facts = Facts()) throws -> String {
        let record = RunRecord(runDirectory: runDirectory, facts: facts)
        let layout = RunLayout(runDirectory)
        try AtomicFile.write(RunSummary(record).data(), to: layout[.summary])
        try AtomicFile.write(Data(HTMLReport(record).render().utf8), to: layout[.report])
        return TerminalReport(record).render() + "\nreport: \(layout[.report])"
    }
}
