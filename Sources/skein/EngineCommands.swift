import ArgumentParser
import Console
import Foundation
import RunConfiguration

/// A command that computes: `skein-engine` beside this executable takes over the process with the same words, so that
/// its exit code, signals and streams are those of the command.
protocol EngineCommand: ParsableCommand {
    static var summary: String { get }
    var words: [String] { get }
}

extension EngineCommand {
    static var configuration: CommandConfiguration {
        // `--help` is answered by the engine as well: it knows the options.
        CommandConfiguration(abstract: summary, helpNames: [])
    }

    func run() throws {
        try Engine.replaceProcess(arguments: [Self._commandName] + words)
    }
}

/// A command of `skein-engine` failed and has said why.
struct EngineFailed: Error { let status: ExitStatus }

enum Engine {
    /// Threads of one operation wait for one another by spinning, 300,000 rounds unless told otherwise. As soon as
    /// another process has one of the cores, what they wait for is a thread that is not running, and training was seen to
    /// become fifty times slower; sleeping after a short spin costs some per cent when nobody else is there. libgomp
    /// reads this when libtorch is loaded, so it is set before `skein-engine` is started; who sets it knows better.
    static func prepareEnvironment() { setenv("GOMP_SPINCOUNT", "2000", 0) }

    /// The path of `skein-engine`: beside this executable.
    static func path() throws -> String {
        let own = URL(filePath: try executablePath()).resolvingSymlinksInPath()
        let engine = own.deletingLastPathComponent().appending(path: "skein-engine").path
        guard FileManager.default.isExecutableFile(atPath: engine) else {
            throw CommandError(.failed, "no skein-engine at \(engine); build it with: swift build -c release")
        }
        return engine
    }

    static func executablePath() throws -> String {
        if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { return path }
        if let path = Bundle.main.executablePath { return path }
        throw CommandError(.failed, "cannot tell where this executable lies")
    }

    struct ModelShape: Decodable {
        /// Tokens that the model takes.
        var context: Int
        /// Tokens that it has embeddings of.
        var vocabulary: Int
        var model: MemoryPlan.Model
    }

    /// What the directory's config.json means, which only the engine knows.
    static func shape(of directory: String) throws -> ModelShape {
        let (output, errors) = (Pipe(), Pipe())
        let process = try launch(["model-shape", directory], output: output, errors: errors)
        // Both are a line, which fits into a pipe.
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0, let shape = try? JSONDecoder().decode(ModelShape.self, from: answer)
        else {
            let reason = words.split(separator: "\n").last.map(String.init) ?? "skein-engine said nothing"
            throw CommandError(
                ExitStatus(rawValue: process.terminationStatus) ?? .failed,
                reason.hasPrefix("skein: ") ? String(reason.dropFirst(7)) : reason)
        }
        return shape
    }

    /// Runs a command of `skein-engine` that takes a run file, with a configuration that was read before.
    static func run(_ arguments: [String], configuration: RunConfiguration) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(configuration.resolvedYAML().utf8).write(to: URL(filePath: path))
        try run(arguments + [path])
    }

    /// Runs `skein-engine` to its end. What it says goes to standard error.
    ///
    /// - Throws: its exit status; it has said why.
    static func run(_ arguments: [String]) throws {
        let process = try launch(arguments, output: FileHandle.standardError, errors: FileHandle.standardError)
        process.waitUntilExit()
        guard process.terminationReason == .exit else {
            throw CommandError(
                .failed, "skein-engine \(arguments[0]) was ended by signal \(process.terminationStatus)")
        }
        guard process.terminationStatus == 0 else {
            throw EngineFailed(status: ExitStatus(rawValue: process.terminationStatus) ?? .failed)
        }
    }

    private static func launch(_ arguments: [String], output: Any, errors: Any) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: try path())
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        do {
            try process.run()
        } catch {
            let reason = OpenFiles.areUsedUp ? OpenFiles.remedy : error.localizedDescription
            throw CommandError(.failed, "cannot run skein-engine: \(reason)")
        }
        return process
    }

    static func replaceProcess(arguments: [String]) throws {
        let path = try path()
        var pointers = ([Invocation.firstOfEngine] + arguments).map { strdup($0) } + [nil]
        execv(path, &pointers)
        let reason = String(cString: strerror(errno))
        throw CommandError(.failed, "cannot run \(path): \(reason)")
    }
}

struct GeneratorCommand: EngineCommand {
    static let _commandName = "generator"
    static let summary = "Sample answers for a coordinator."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct ScorerCommand: EngineCommand {
    static let _commandName = "scorer"
    static let summary = "Compute rewards and reference log-probabilities for a coordinator."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct LearnerCommand: EngineCommand {
    static let _commandName = "learner"
    static let summary = "Train the policy with PPO and publish its weights."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct PretrainCommand: EngineCommand {
    static let _commandName = "pretrain"
    static let summary = "Train a language model on plain text."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct SFTCommand: EngineCommand {
    static let _commandName = "sft"
    static let summary = "Fine-tune a model on demonstrations."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct RewardModelCommand: EngineCommand {
    static let _commandName = "reward-model"
    static let summary = "Train a reward model on preference pairs."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct EvaluateCommand: EngineCommand {
    static let _commandName = "evaluate"
    static let summary = "Compare the trained policy with its start on held-out prompts."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct GenerateCommand: EngineCommand {
    static let _commandName = "generate"
    static let summary = "Answer a prompt with a model."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct LogprobsCommand: EngineCommand {
    static let _commandName = "logprobs"
    static let summary = "Log-probability of each token of given texts."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}

struct ScoreCommand: EngineCommand {
    static let _commandName = "score"
    static let summary = "Rewards that a reward model gives to texts."
    @Argument(parsing: .captureForPassthrough) var words: [String] = []
}
