import Foundation
package import RunConfiguration
package import RunInputs

/// All that determines the result of each stage, and nothing else: a stage is found finished, and an interrupted one
/// goes on, as long as these are equal.
extension TrainingStages {
    /// - Throws: when a file cannot be read. Files that are not there are left to the stage itself to complain about.
    package static func inputs(_ stage: Stage, _ run: RunConfiguration) throws -> InputRecord {
        let hashes = FileHashes(keptIn: run.runDirectory)
        defer { hashes.save() }
        var record = InputRecord()
        try record.set("stage", to: stage.rawValue)
        try record.set("seed", to: run.seed)
        try record.set("device", to: run.device)
        func add(_ key: String, _ file: String?) throws {
            if let file { try record.add(key, file: file, hashes) }
        }
        func add(model: String?, made: Bool, _ stage: Stage) throws {
            if let model { try record.add(made ? stage.rawValue : "models.base", model: model, hashes) }
        }
        switch stage {
        case .pretrain:
            try record.set("pretrain", to: determining(run.pretrain).written)
            try record.set("data", to: settings(run.data, template: false).written)
            try add("data.pretrain", run.data.pretrain)
            if run.models.base == nil { try record.set("architecture", to: run.architecture?.written) }
            try add(model: run.models.base, made: false, .pretrain)
        case .sft:
            try record.set("sft", to: determining(run.sft).written)
            try record.set("data", to: settings(run.data, template: true).written)
            try add("data.sft", run.data.sft)
            try add(model: run.baseDirectory, made: run.stages.contains(.pretrain), .pretrain)
        case .rewardModel:
            var section = run.rewardModel
            section.training = determining(section.training)
            try record.set(stage.rawValue, to: section.written)
            try record.set("data", to: settings(run.data, template: true).written)
            try add("data.preferences", run.data.preferences)
            try add("data.preferences_validation", run.data.preferencesValidation)
            let made: Stage? = run.stages.contains(.sft) ? .sft : run.stages.contains(.pretrain) ? .pretrain : nil
            try add(
                model: made == .sft ? run.sftDirectory : run.baseDirectory, made: made != nil, made ?? .pretrain)
        case .ppo, .evaluate: break
        }
        return record
    }

    /// Without what changes no bit of the result: how often it is saved, and what is computed twice.
    private static func determining(_ section: TrainingSection) -> TrainingSection {
        var section = section
        section.checkpointEvery = nil
        section.gradientCheckpointing = false
        return section
    }

    /// Keys of `data` that say how rows are read; a key that is new here counts until it is said that it does not.
    ///
    /// - Parameter template: whether the stage renders rows through the chat template.
    private static func settings(_ data: DataSection, template: Bool) -> DataSection {
        var data = data
        // What is in the files counts, not where they are.
        data.directory = nil
        data.pretrain = nil
        data.sft = nil
        data.preferences = nil
        data.preferencesValidation = nil
        data.prompts = nil
        data.evaluationPrompts = nil
        if !template {
            data.chatTemplate = DataSection().chatTemplate
            data.templateArguments = nil
            // Long texts are cut into blocks of the context, whatever these say.
            data.tooLong = DataSection().tooLong
            data.truncate = nil
        }
        return data
    }
}
