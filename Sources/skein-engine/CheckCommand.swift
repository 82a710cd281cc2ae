import ArgumentParser
import Console
import Evaluations
import RunConfiguration
import RunInputs
import Tokenizers
import Torch
import Training

/// Reads the models and data of a run file as its stages will; `skein run` and `skein config check` call it.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "check", shouldDisplay: false)
    @Argument var path: String
    @Flag(help: .hidden) var rewardsOnly = false
    /// All steps of PPO are made.
    @Flag(help: .hidden) var trained = false

    func run() async throws {
        var run = try configurationErrors { try RunConfiguration.load(path: path) }
        run.data.clock = try RunClock.ahead(keptIn: run.runDirectory, now: TemplateClock.localTime())
        if !rewardsOnly {
            try check(run)
        } else if !trained || run.stages.contains(.evaluate) {
            try named { try RunDataCheck.heldOut(run) }
        }
        do {
            for note in try await RewardTrial.run(run, isTrained: trained) { Console.error("warning: \(note)") }
        } catch let error as RewardTrialError {
            throw CommandError(error.isPermanent ? .configuration : .tryAgain, error.message)
        } catch {
            throw CommandError(.configuration, "data.prompts: \(error)")
        }
    }

    private func check(_ run: RunConfiguration) throws {
        try configurationErrors {
            do {
                _ = try Device.named(run.device)
            } catch {
                throw CommandError(.configuration, "device: \(error)")
            }
        }
        for warning in try named({ try RunDataCheck.run(run) }) { Console.error("warning: \(warning)") }
    }

    private func named<T>(_ body: () throws -> T) throws -> T {
        try configurationErrors {
            do { return try body() } catch let error as TrainingError {
                throw CommandError(.configuration, error.message)
            }
        }
    }
}
