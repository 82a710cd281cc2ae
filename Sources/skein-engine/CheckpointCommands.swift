import ArgumentParser
import Console
import Foundation
import Learner
import RunConfiguration
import RunLayout
import Torch

struct CheckpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Take a model out of a checkpoint.", subcommands: [Export.self])

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write a checkpoint's policy as a whole model directory.",
            discussion: """
                The directory has weights, configuration, tokenizer and chat template, as the last policy of a run has. \
                An adapter is merged into its base, and stands in `adapter` by itself too.
                """)
        @Argument(help: "Run directory.") var run: String
        @Argument(help: "Steps that had been made: a number of skein checkpoint list, or latest.") var step: String
        @Argument(help: "Directory to write; it must not be there yet.") var directory: String

        func run() async throws {
            let path = URL(filePath: run).standardizedFileURL.path
            guard let own = try configurationErrors({ try RunConfiguration.loadOwn(path) }) else {
                throw CommandError(
                    .configuration, "\(path) holds no run: there is no \(RunLayout.Entry.runFile.rawValue) in it")
            }
            guard step == "latest" || Int(step) != nil else {
                throw CommandError(.usage, "'\(step)' is no step; write a number of skein checkpoint list, or latest")
            }
            let target = URL(filePath: directory).standardizedFileURL
            guard !FileManager.default.fileExists(atPath: target.path) else {
                throw CommandError(.usage, "\(target.path) is there already; name a new directory")
            }
            let made = try configurationErrors { () -> Int in
                try TorchRuntime.configure(threads: own.configuration.roles.learner.threads)
                return try CheckpointExport.write(own.configuration, step: Int(step), to: target)
            }
            Console.output("exported step \(made) to \(target.path)")
        }
    }
}
