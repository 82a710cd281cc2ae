import ArgumentParser
import Console
import Foundation
import RunConfiguration

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at run files.", subcommands: [Check.self, Reference.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a run file with the data and models it names, and print it with every default.",
            discussion: "Where the run directory holds a run already, the keys that differ are printed, old and new.")

        @OptionGroup var file: RunFile

        func run() async throws {
            let written = try file.load()
            let start = try RunStart.decide(nil, for: written, fresh: false)
            let configuration = try start?.applied(to: written, isAhead: true) ?? written
            for warning in configuration.warnings() { Console.error("warning: \(warning)") }
            for note in try RunChecks.check(configuration, command: file.command("run")) { Console.error(note) }
            if let sentence = try memory(configuration) { Console.error(sentence) }
            if let history = try RunHistory.read(configuration, in: configuration.runDirectory) {
                Console.error(
                    "\(history.directory) holds a run of which \(history.committed) steps are made; this file goes on with it"
                )
                for sentence in history.sentences { Console.error(sentence) }
                if let sentence = history.scheduleSentence(configuration) { Console.error(sentence) }
            }
            Console.output(configuration.resolvedYAML())
        }

        /// nil while there is no policy to plan for.
        private func memory(_ run: RunConfiguration) throws -> String? {
            guard run.stages.contains(.ppo), let policy = RewardTokenizers.policyDirectory(run, true) else {
                return nil
            }
            let plan = MemoryPlan(run, try Engine.shape(of: policy).model)
            return plan.sentence(machine: Double(ProcessInfo.processInfo.physicalMemory))
        }
    }

    struct Reference: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key of a run file with its default and what it is for.")

        func run() async throws { Console.output(RunConfiguration.referenceYAML()) }
    }
}
