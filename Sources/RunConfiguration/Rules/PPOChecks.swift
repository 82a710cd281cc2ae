extension RunConfiguration {
    func checkRollout(_ problems: inout Problems) {
        let perJob = rollout.promptsPerJob ?? 1
        if perJob > rollout.promptsPerStep {
            problems.add(
                "rollout.prompts_per_job", "a job of \(perJob) prompts is more than a step's \(rollout.promptsPerStep)")
        }
        // Both keys are at most 2^20.
        let bytes = (rollout.maxPromptTokens + rollout.maxNewTokens) * Self.bytesPerToken
        if bytes > Self.largestAnswer {
            problems.add(
                rollout.maxNewTokens >= rollout.maxPromptTokens
                    ? "rollout.max_new_tokens" : "rollout.max_prompt_tokens",
                """
                one answer may take \(bytes) bytes ((max_prompt_tokens + max_new_tokens) * \(Self.bytesPerToken)), and \
                a message holds \(Self.largestAnswer); lower one of them
                """)
        }
        if rollout.samplesPerStep % ppo.minibatches != 0 {
            problems.add(
                "ppo.minibatches",
                """
                a step has \(rollout.samplesPerStep) samples (prompts_per_step * samples_per_prompt), which \
                \(ppo.minibatches) minibatches do not divide
                """)
        }
    }

    func checkRewards(_ problems: inout Problems) {
        if !rewards.contains(where: { $0.weight != 0 }) {
            problems.add("rewards", "at least one reward must have a weight other than 0")
        }
        checkEach(rewards, "rewards", &problems)
        for (index, reward) in rewards.enumerated() where reward.kind == .gold {
            problems.add(
                "rewards.\(index).kind",
                "gold measures what training did and may never be a part of it, not even with weight 0; name it in "
                    + "evaluation.rewards")
        }
        if let name = ppo.drift.heldOutReward {
            guard let held = rewards.first(where: { $0.name == name }) else {
                problems.add("ppo.guard.held_out_reward", "no reward is called '\(name)'")
                return
            }
            if held.weight != 0 {
                problems.add("ppo.guard.held_out_reward", "the reward '\(name)' is trained on; its weight must be 0")
            }
        }
    }

    /// - Parameter list: key of the rewards.
    func checkEach(_ rewards: [RewardSection], _ list: String, _ problems: inout Problems) {
        var seen: Set<String> = []
        for (index, reward) in rewards.enumerated() {
            let key = "\(list).\(index)"
            if !seen.insert(reward.name).inserted {
                problems.add("\(key).name", "two rewards are called '\(reward.name)'; give each a name of its own")
            }
            if reward.name.contains("/") || reward.name.utf8.count > 64 {
                problems.add("\(key).name", "a name has at most 64 bytes and no '/'")
            }
            switch reward.kind {
            case .length(let length): checkLength(length, key, &problems)
            case .regex(let regex) where regex.pattern.isEmpty:
                problems.add("\(key).pattern", "a reward of kind regex needs a pattern")
            case .regex(let regex):
                if let trouble = Self.troubleWithPattern(regex.pattern) { problems.add("\(key).pattern", trouble) }
            case .keyword(let keyword) where keyword.words.isEmpty || keyword.words.contains(""):
                problems.add("\(key).words", "a reward of kind keyword needs words, none of them empty")
            case .command(let command) where command.argv.first?.isEmpty ?? true:
                problems.add("\(key).argv", "a reward of kind command needs a program")
            case .http(let http):
                if let trouble = http.troubleWithURL { problems.add("\(key).url", trouble) }
            case .swift(let swift) where swift.function.isEmpty:
                problems.add("\(key).function", "a reward of kind swift needs the name it is registered under")
            default: break
            }
        }
    }

    private func checkLength(_ length: LengthKeys, _ key: String, _ problems: inout Problems) {
        if length.target == nil, length.minimum == nil, length.maximum == nil {
            problems.add(key, "a reward of kind length needs a target, a minimum or a maximum")
        }
        if let minimum = length.minimum, let maximum = length.maximum, minimum > maximum {
            problems.add("\(key).minimum", "the minimum \(minimum) is above the maximum \(maximum)")
        }
    }

    private static func troubleWithPattern(_ pattern: String) -> String? {
        do {
            _ = try PythonPattern(pattern)
            return nil
        } catch {
            return "'\(pattern)' is no regular expression: \(error)"
        }
    }

    func checkPPO(_ problems: inout Problems) {
        ppo.checkKeys(&problems)
        if ppo.advantage.needsGroups, rollout.samplesPerPrompt < 2 {
            problems.add(
                "rollout.samples_per_prompt",
                "advantage \(ppo.advantage.rawValue) compares answers to one prompt: at least 2")
        }
        if ppo.advantage.needsCritic, ppo.critic == .separate, ppo.criticFrom == .reward, models.reward == nil {
            problems.add(
                "ppo.critic_from", "there is no reward model to start the critic from; write critic_from: policy")
        }
        if ppo.oldLogProbabilities == .generator, schedule.versionsBehind > 0 {
            problems.add(
                "ppo.old_log_probabilities",
                "the generator's are of an older version in mode lag; write auto or recompute")
        }
        let samples = Double(rollout.samplesPerStep)
        if ppo.kl.controller == .adaptive, samples >= 5 * ppo.kl.horizon {
            problems.add(
                "ppo.kl.horizon",
                "a step's \(rollout.samplesPerStep) samples are 5 horizons or more, so that one step can set beta to 0, "
                    + "where it stays; raise it")
        }
        checkAdapters(&problems)
    }

    private func checkAdapters(_ problems: inout Problems) {
        if ppo.sharedReference {
            if ppo.lora == nil {
                problems.add(
                    "ppo.shared_reference", "needs ppo.lora: without adapters the policy changes the base itself")
            } else if models.reference != models.policy {
                problems.add(
                    "ppo.shared_reference",
                    "the reference is another model than the policy's start; leave models.reference out, or this key")
            }
        }
        if ppo.sharedBase == true, ppo.lora == nil {
            problems.add("ppo.shared_base", "needs ppo.lora: without adapters policy and critic change the base itself")
        }
        guard ppo.sharesBase, ppo.advantage == .gae, ppo.critic == .separate, ppo.criticFrom == .reward,
            let reward = models.reward
        else { return }
        let made = stages.contains(.rewardModel) && reward == rewardModelDirectory
        if made ? rewardModel.training.lora == nil : !Files.exists(reward + "/adapter/adapter_config.json") {
            problems.add(
                "ppo.critic_from",
                """
                the reward model is no adapter, so a critic that shares the policy's base cannot start from it; write \
                critic_from: policy, or shared_base: false, or train the reward model with lora
                """)
        }
    }
}
