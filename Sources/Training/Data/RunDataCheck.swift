import Datasets
import Evaluations
import Foundation
import LanguageModels
package import RunConfiguration
import Tokenizers

/// Reads the models and data files of a run as its stages will, before the first of them starts.
package enum RunDataCheck {
    /// - Returns: warnings about the models.
    /// - Throws: an error that names the key, and the directory, or the file and line, that a stage would refuse.
    package static func run(_ run: RunConfiguration) throws -> [String] {
        var warnings: [String] = []
        var seen: Set<String> = []
        for (key, directory, isReward) in models(run) where seen.insert(directory).inserted {
            try named(key) {
                let configuration = try isReward ? ModelCheck.reward(directory) : ModelCheck.language(directory)
                warnings += configuration.warnings.map { "\(key): \($0)" }
            }
        }
        if run.stages.contains(.pretrain), let file = run.data.pretrain {
            try named("data.pretrain") { try lines(TextRow.self, file, run) }
        }
        // The tokens of a model that pretrain has yet to make are not known; then the lines alone are read.
        let base = run.stages.contains(.pretrain) ? nil : run.models.base
        let encoder = try base.map { directory in
            try named("models.base") {
                try TextEncoder(directory: directory, for: ModelFiles.directory(directory).configuration(), run)
            }
        }
        if run.stages.contains(.sft), let file = run.data.sft {
            try named("data.sft") {
                if let encoder {
                    _ = try encoder.demonstrations(file)
                } else {
                    try lines(DemonstrationRow.self, file, run)
                }
            }
        }
        try heldOut(run)
        guard run.stages.contains(.rewardModel) else { return warnings }
        for (key, file) in [
            ("data.preferences", run.data.preferences), ("data.preferences_validation", run.data.preferencesValidation),
        ] {
            guard let file else { continue }
            try named(key) {
                if let encoder { _ = try encoder.pairs(file) } else { try lines(PreferenceRow.self, file, run) }
            }
        }
        return warnings
    }

    /// The held-out prompts, which may change from one command to the next.
    ///
    /// - Throws: as ``run(_:)``.
    package static func heldOut(_ run: RunConfiguration) throws {
        guard run.answersHeldOut, let file = run.data.evaluationPrompts else { return }
        try named("data.evaluation_prompts") {
            // Beyond those that are answered, a line only has to be one.
            try lines(PromptRow.self, file, run)
            if let policy = policyAhead(run) { _ = try HeldOutPrompts(file, for: policy, run) }
        }
    }

    /// The policy, or the model of which a stage of the run makes it; nil when a stage makes its tokenizer too.
    private static func policyAhead(_ run: RunConfiguration) -> String? {
        if run.stages.contains(.sft), run.models.policy == run.sftDirectory {
            return run.stages.contains(.pretrain) ? nil : run.models.base
        }
        return run.stages.contains(.pretrain) && run.models.policy == run.pretrainedDirectory ? nil : run.models.policy
    }

    /// Models that are there already and not made by a stage.
    private static func models(_ run: RunConfiguration) -> [(key: String, directory: String, isReward: Bool)] {
        let made = Set(
            (run.stages.contains(.pretrain) ? [run.pretrainedDirectory] : [])
                + (run.stages.contains(.sft) ? [run.sftDirectory] : [])
                + (run.stages.contains(.rewardModel) ? [run.rewardModelDirectory] : []))
        var found: [(String, String?, Bool)] = [("models.base", run.models.base, false)]
        if run.stages.contains(.ppo) {
            found += [
                ("models.policy", run.models.policy, false), ("models.reference", run.models.reference, false),
            ]
            found += run.rewards.compactMap { reward in
                reward.model.map { ("rewards.\(reward.name).path", $0.path, true) }
            }
        }
        return found.compactMap { key, directory, isReward in
            guard let directory, !made.contains(directory) else { return nil }
            return (key, directory, isReward)
        }
    }

    private static func lines<Row: DatasetRow>(_ row: Row.Type, _ file: String, _ run: RunConfiguration) throws {
        _ = try LoadedRows<Row>.read(path: file, onBadLine: TrainingStages.bad(run))
    }

    private static func named<T>(_ key: String, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as TrainingError {
            throw TrainingError(error.code, error.message, cause: error.cause)
        } catch {
            throw TrainingError(.data, "\(key): \(error)")
        }
    }
}
