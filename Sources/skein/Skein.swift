import ArgumentParser
import Console
import Foundation

/// The one command a person types. It never links libtorch: what computes is run by `skein-engine` from beside it.
@main
struct Skein: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein",
        abstract: "RLHF on a cluster of processes: from a pretrained model to a policy trained by PPO.",
        version: Build.version,
        groupedSubcommands: [
            CommandGroup(
                name: "A run",
                subcommands: [
                    RunCommand.self, StatusCommand.self, DrainCommand.self, ScaleCommand.self, PauseCommand.self,
                    ResumeCommand.self, StopCommand.self, ReportCommand.self, CompareCommand.self, MetricsCommand.self,
                    ConfigCommand.self, CheckpointCommand.self, KeysCommand.self, LaunchCommand.self,
                    DoctorCommand.self,
                ]),
            CommandGroup(
                name: "Processes of a run",
                subcommands: [
                    CoordinatorCommand.self, GeneratorCommand.self, ScorerCommand.self, LearnerCommand.self,
                ]),
            CommandGroup(name: "What people say", subcommands: [FeedbackCommand.self]),
            CommandGroup(
                name: "Training and models",
                subcommands: [
                    PretrainCommand.self, SFTCommand.self, RewardModelCommand.self, EvaluateCommand.self,
                    GenerateCommand.self, LogprobsCommand.self, ScoreCommand.self, TokenizeCommand.self,
                    DatasetCommand.self,
                ]),
            CommandGroup(name: "Feedback", subcommands: [FeedbackCommand.self]),
        ])

    static func main() async {
        // What a run leaves is its user's alone: prompts, answers, weights, keys.
        umask(0o077)
        Signals.ignoreClosedPipes()
        Engine.prepareEnvironment()
        Proxies.neverForThisMachine()
        do {
            try helpOfEngine(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as CommandError {
            Console.error("skein: \(error.message)")
            Foundation.exit(error.status.rawValue)
        } catch let error as EngineFailed {
            Foundation.exit(error.status.rawValue)
        } catch let code as ExitCode {
            // Everything has been said; the number is the command's own.
            Foundation.exit(code.rawValue)
        } catch {
            let code = exitCode(for: error)
            if code.isSuccess {
                Console.output(fullMessage(for: error))
                Foundation.exit(ExitStatus.done.rawValue)
            }
            Console.error(fullMessage(for: error))
            Foundation.exit(code == .validationFailure ? ExitStatus.usage.rawValue : ExitStatus.failed.rawValue)
        }
    }

    /// `skein help generate` is `skein generate --help`: the engine knows the options of what it computes.
    private static func helpOfEngine(_ words: [String]) throws {
        guard words.first == "help" else { return }
        let asked = Array(words.dropFirst())
        let isComputed = configuration.subcommands.contains { type in
            type is any EngineCommand.Type && asked == [type._commandName]
        }
        guard isComputed || asked == ["checkpoint", "export"] else { return }
        try Engine.replaceProcess(arguments: asked + ["--help"])
    }
}
