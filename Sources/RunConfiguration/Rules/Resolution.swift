import Foundation

extension RunConfiguration {
    /// Bytes of arrays that one token of a trajectory takes on the wire, and the largest message.
    static let bytesPerToken = 16
    static let largestResult = 1 << 20

    /// Fills in what follows from other keys, and makes paths absolute, so that every process finds the same files.
    mutating func resolve() {
        runDirectory = Self.absolute(runDirectory)
        data.directory = data.directory.map { Self.absolute($0) }
        let directory = data.directory
        data.changeFiles { Self.absolute($0, in: directory) }
        models.base = models.base.map { Self.absolute($0) }
        models.policy =
            models.policy.map { Self.absolute($0) }
            ?? (stages.contains(.sft) ? sftDirectory : baseDirectory)
        models.reference = models.reference.map { Self.absolute($0) } ?? models.policy
        models.reward =
            models.reward.map { Self.absolute($0) }
            ?? (stages.contains(.rewardModel) ? rewardModelDirectory : nil)
        for index in rewards.indices where rewards[index].name.isEmpty {
            rewards[index].name = rewards[index].kind.word.rawValue
        }
        if rollout.promptsPerJob == nil {
            let perPrompt = resultBytes(prompts: 1)
            let fitting = perPrompt > 0 ? Int(Double(Self.largestResult) / perPrompt) : 1
            rollout.promptsPerJob = max(1, min(16, rollout.promptsPerStep, fitting))
        }
        if evaluation.maxNewTokens == nil { evaluation.maxNewTokens = rollout.maxNewTokens }
    }

    /// Largest result of a job of so many prompts.
    func resultBytes(prompts: Int) -> Double {
        Double(prompts) * Double(rollout.samplesPerPrompt) * Double(Self.bytesPerToken)
            * (Double(rollout.maxPromptTokens) + Double(rollout.maxNewTokens))
    }

    private static func absolute(_ path: String, in directory: String? = nil) -> String {
        let expanded = (path as NSString).expandingTildeInPath
        if expanded.hasPrefix("/") { return URL(filePath: expanded).standardizedFileURL.path }
        let base = directory ?? FileManager.default.currentDirectoryPath
        return URL(filePath: base + "/" + expanded).standardizedFileURL.path
    }
}

extension DataSection {
    mutating func changeFiles(_ change: (String) -> String) {
        pretrain = pretrain.map(change)
        sft = sft.map(change)
        preferences = preferences.map(change)
        preferencesValidation = preferencesValidation.map(change)
        prompts = prompts.map(change)
        evaluationPrompts = evaluationPrompts.map(change)
    }
}
