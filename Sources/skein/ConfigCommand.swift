import ArgumentParser
import Console
import RunConfiguration

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at run files.", subcommands: [Check.self, Reference.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check a run file and print it with every default.")

        @OptionGroup var file: RunFile

        func run() async throws {
            var configuration = try file.load()
            try configurationErrors {
                try configuration.check()
                for note in try RewardTokenizers.decide(&configuration, isAhead: true) { Console.error(note) }
            }
            for warning in configuration.warnings() { Console.error("warning: \(warning)") }
            Console.output(try configuration.resolvedYAML())
        }
    }

    struct Reference: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key of a run file with its default and what it is for.")

        func run() async throws { Console.output(RunConfiguration.referenceYAML()) }
    }
}
