import ArgumentParser
import Console
import Foundation
import Reports

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write report.html and summary.json of a run again, and print the table.")
    @Argument(help: "Run directory.") var runDirectory: String

    func run() throws { try Self.write(runDirectory: runDirectory) }

    static func write(runDirectory: String) throws {
        do {
            Console.output(try RunReport.write(runDirectory: runDirectory))
        } catch {
            throw CommandError(.failed, "cannot write the report of \(runDirectory): \(error)")
        }
    }
}
