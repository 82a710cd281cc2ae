import Foundation

/// What a run gave: `report.html`, `summary.json`, and a table for the terminal.
package enum RunReport {
    /// What only others know of a run.
    package struct Facts: Sendable {
        package var seed: UInt64?
        /// Of the final policy file.
        package var policySHA256: String?
        /// What the journal counted: completed jobs of each kind, their sum, and results that came twice.
        package var jobs: [String: Int]?
        /// Of the rewards that were trained on; nil when the run file cannot be read.
        package var weights: [String: Double]?
        /// The figure by which a step is the best, as `evaluation.best` has it.
        package var best: String

        package init(
            seed: UInt64? = nil, policySHA256: String? = nil, jobs: [String: Int]? = nil,
            weights: [String: Double]? = nil, best: String = HeldOutFigures.score
        ) {
            self.seed = seed
            self.policySHA256 = policySHA256
            self.jobs = jobs
            self.weights = weights
            self.best = best
        }
    }

    /// - Returns: the table.
    package static func write(runDirectory: String, facts: Facts = Facts()) throws -> String {
        let record = RunRecord(runDirectory: runDirectory, facts: facts)
        try RunSummary(record).data().write(to: URL(filePath: runDirectory + "/summary.json"), options: .atomic)
        try Data(HTMLReport(record).render().utf8).write(
            to: URL(filePath: runDirectory + "/report.html"), options: .atomic)
        return TerminalReport(record).render() + "\nreport: \(runDirectory)/report.html"
    }
}
