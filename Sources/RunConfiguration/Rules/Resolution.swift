import Foundation

extension RunConfiguration {
    /// Bytes that one token of an answer takes on the wire, text among them, and the largest answer: those of `JobPlan`.
    static let bytesPerToken = 24
    static let largestAnswer = (1 << 20) - (16 << 10)

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
            ?? rewards.lazy.compactMap { $0.model?.path.map { Self.absolute($0) } }.first
        for list in [\RunConfiguration.rewards, \.evaluation.rewards] { resolve(list) }
        if rollout.promptsPerJob == nil {
            rollout.promptsPerJob = max(1, min(16, rollout.promptsPerStep))
        }
        if let heads = architecture?.heads, !places.holds("architecture.kv_heads") { architecture?.kvHeads = heads }
        resolvePPO()
        if evaluation.maxNewTokens == nil { evaluation.maxNewTokens = rollout.maxNewTokens }
    }

    /// Fills in names and the paths of reward models.
    private mutating func resolve(_ list: WritableKeyPath<RunConfiguration, [RewardSection]>) {
        for index in self[keyPath: list].indices {
            var reward = self[keyPath: list][index]
            if var keys = reward.model {
                keys.path = keys.path.map { Self.absolute($0) } ?? models.reward
                reward.model = keys
            }
            if reward.name.isEmpty { reward.name = reward.kind.word.rawValue }
            self[keyPath: list][index] = reward
        }
    }

    /// Defaults of `ppo` that depend on what else stands there; what is written stays.
    private mutating func resolvePPO() {
        // k1 is the usual one in rewards, and holds nothing back in a loss.
        if ppo.kl.place == .loss, !places.holds("ppo.kl.estimator") { ppo.kl.estimator = .k2 }
        guard ppo.policyLoss == .gspo else { return }
        // The ratio of an answer is a geometric mean over its tokens, so it moves by far less than a token's.
        if !places.holds("ppo.clip") {
            ppo.clip = 3e-4
            if !places.holds("ppo.clip_high") { ppo.clipHigh = 4e-4 }
        }
        if !places.holds("ppo.loss_aggregation") { ppo.lossAggregation = .sequenceMean }
    }

    static func absolute(_ path: String, in directory: String? = nil) -> String {
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
