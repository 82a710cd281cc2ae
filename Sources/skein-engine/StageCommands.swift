import ArgumentParser
import Console
import Foundation
import Learner
import RunConfiguration
import Torch
import Training

/// The run file and its overrides.
struct RunFile: ParsableArguments {
    @Argument(help: "The YAML file that describes the run.") var path: String
    @Option(name: .customLong("set"), parsing: .singleValue, help: "Override a key, for example --set sft.epochs=2.")
    var overrides: [String] = []
    @Flag(help: .hidden) var supervised = false
    @Flag(help: .hidden) var mustBeFinished = false

    func load() throws -> RunConfiguration {
        if supervised { ParentWatch.start() }
        let run = try configurationErrors { try RunConfiguration.load(path: path, overrides: overrides) }
        _ = try configurationErrors { try Device.named(run.device) }
        try FileManager.default.createDirectory(atPath: run.runDirectory, withIntermediateDirectories: true)
        return run
    }
}

/// Progress of a stage on standard error.
struct ConsoleReporter: ProgressReporter {
    let bar: ProgressBar

    init(_ stage: String) { bar = ProgressBar(stage) }

    func report(_ progress: TrainingProgress) {
        bar.update(
            progress.step, of: progress.total,
            detail: String(format: "loss %.4f  %.0f tokens/s", progress.loss, progress.tokensPerSecond))
    }

    func note(_ message: String) { Console.error(message) }
}

private func carryOut(_ stage: Stage, _ file: RunFile) async throws {
    let run = try file.load()
    let lock =
        try file.supervised ? RunLock.join(run.runDirectory) : .take(run.runDirectory, for: "skein \(stage.command)")
    defer { lock.release() }
    let reporter = ConsoleReporter(stage.rawValue)
    do {
        if stage == .evaluate {
            try await EvaluationStage.run(run, reporter: reporter)
        } else {
            try TrainingStages.run(stage, run, mustBeFinished: file.mustBeFinished, reporter: reporter)
        }
    } catch let error as TrainingError where error.code == .diverged || error.code == .io {
        throw CommandError(.failed, "\(stage.rawValue): \(error)")
    } catch is CancellationError {
        throw CommandError(.tryAgain, "\(stage.rawValue): it was called off; call the same command again")
    } catch {
        throw CommandError(.configuration, "\(stage.rawValue): \(error)")
    }
}

struct PretrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain", abstract: "Train a language model on plain text.")
    @OptionGroup var file: RunFile
    func run() async throws { try await carryOut(.pretrain, file) }
}

struct SFTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sft", abstract: "Fine-tune on demonstrations.")
    @OptionGroup var file: RunFile
    func run() async throws { try await carryOut(.sft, file) }
}

struct RewardModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reward-model", abstract: "Train a reward model on preference pairs.")
    @OptionGroup var file: RunFile
    func run() async throws { try await carryOut(.rewardModel, file) }
}

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Compare the trained policy with its start on held-out prompts.")
    @OptionGroup var file: RunFile
    func run() async throws { try await carryOut(.evaluate, file) }
}
