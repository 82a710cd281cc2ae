import ArgumentParser
import ClusterModel
import Console
import Foundation
import Reports
import RunConfiguration

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract:
            "Carry out a whole run on this machine, supervised: training stages, PPO on a cluster, evaluation, report.",
        discussion: """
            Stages that are finished are used again; PPO goes on from its last committed step. A run directory that was \
            made from another configuration is refused: name another run_directory, or give --fresh.
            """)

    @OptionGroup var file: RunFile
    @Flag(help: "Go on with the run in the run directory; fail when there is none.") var resume = false
    @Flag(help: "Throw away what the run directory holds of an earlier run and start anew.") var fresh = false
    @Option(help: "How much the processes log: debug, info, notice, warning, error.") var logLevel = "info"

    func run() async throws {
        let configuration = try file.load()
        try configurationErrors {
            try configuration.check()
            var read = configuration
            _ = try RewardTokenizers.decide(&read, isAhead: true)
        }
        for warning in configuration.warnings() { Console.error("warning: \(warning)") }
        let directory = try RunDirectory(configuration: configuration, resume: resume, fresh: fresh)
        try await RunStages(configuration: configuration, directory: directory, logLevel: logLevel).run()
        withExtendedLifetime(directory) {}
    }
}
