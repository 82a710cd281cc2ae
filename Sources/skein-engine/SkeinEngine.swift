import ArgumentParser
import Console
import Foundation

/// What computes: started by `skein`, which it sits beside. The words are the same.
@main
struct SkeinEngine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein", abstract: "The computing half of skein.", version: Build.version,
        subcommands: [
            GeneratorCommand.self, ScorerCommand.self, LearnerCommand.self, GenerateCommand.self, LogprobsCommand.self,
            ScoreCommand.self, PretrainCommand.self, SFTCommand.self, RewardModelCommand.self, EvaluateCommand.self,
            CheckpointCommand.self, CheckCommand.self, ModelShapeCommand.self,
        ])

    static func main() async {
        // What a run leaves is its user's alone: prompts, answers, weights.
        umask(0o077)
        Signals.ignoreClosedPipes()
        Proxies.neverForThisMachine()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Foundation.exit(ExitStatus.done.rawValue)
        } catch let error as CommandError {
            Console.error("skein: \(error.message)")
            Foundation.exit(error.status.rawValue)
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
}

/// Whatever goes wrong inside is wrong with what the user gave: exit code 78.
func configurationErrors<T>(_ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch let error as CommandError {
        throw error
    } catch {
        throw CommandError(.configuration, "\(error)")
    }
}
