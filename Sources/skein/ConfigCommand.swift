import ArgumentParser
import Console
import RunConfiguration

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at run files.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check a run file and print it with every default.")

        @OptionGroup var file: RunFile

        func run() async throws {
            Console.output(try file.load().resolvedYAML())
        }
    }
}
