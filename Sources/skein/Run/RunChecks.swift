import Console
import Datasets
import Foundation
import RunConfiguration
import RunInputs
import Tokenizers

/// What can be known to be wrong with a run before anything of it is started: the run file, the models and data that it
/// names, and the run directory.
enum RunChecks {
    /// - Parameters:
    ///   - isNew: what the run directory holds of an earlier run is to be thrown away.
    ///   - command: what a person types to carry out the run.
    /// - Returns: sentences that are worth knowing.
    @discardableResult
    static func check(_ run: RunConfiguration, isNew: Bool = false, command: String) throws -> [String] {
        try configurationErrors { try run.check() }
        let history = isNew ? nil : try RunHistory.read(run, in: run.runDirectory)
        try history?.check(command: command)
        // Checks leave no trace in a run directory.
        var read = run
        read.data.clock = try RunClock.ahead(keptIn: run.runDirectory, now: TemplateClock.localTime())
        let notes = try configurationErrors { try RewardTokenizers.decide(&read, isAhead: true) }
        if run.stages.contains(.ppo) {
            try configurationErrors { try CoordinatorSettings.checkRewards(run) }
            try readPrompts(read)
        }
        // What has started was read before, and whether it changed is told by its hashes.
        let isTrained = history.map { $0.committed >= run.ppo.steps } ?? false
        try Engine.run(
            ["check"] + (history == nil ? [] : ["--rewards-only"]) + (isTrained ? ["--trained"] : []),
            configuration: run)
        return notes
    }

    /// Every line of the prompts as PPO reads it, if the policy's tokenizer is there already; else as JSON with its keys.
    private static func readPrompts(_ run: RunConfiguration) throws {
        guard let file = run.data.prompts else { return }
        try configurationErrors {
            if let directory = RewardTokenizers.policyDirectory(run, true) {
                _ = try CoordinatorSettings.prompts(file, policy: directory, run)
            } else {
                try PromptFile.checkLines(file, onBadLine: run.data.onError == .skip ? .skip : .stop)
            }
        }
    }
}
