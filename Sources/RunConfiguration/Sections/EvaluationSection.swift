import ClusterModel

/// Held-out prompts: the stage evaluate, which compares the policy with its start, and what is measured while PPO runs.
package struct EvaluationSection: ConfigurationSection, Equatable {
    /// Empty: the run's own.
    package var rewards: [RewardSection] = []
    package var prompts = 200
    package var samples = 1
    package var every: Int?
    package var best = Self.score
    /// Filled in from rollout.max_new_tokens when the file is loaded.
    package var maxNewTokens: Int?
    package var temperature = 1.0
    package var klBudget = 25.0
    package var threads = 2

    /// The name of the sum of all rewards times their weights.
    package static let score = "score"

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.sections(
            "rewards", &rewards,
            "What scores held-out answers; empty: the run's own rewards. Those of kind worker are left out.")
        keys.value(
            "prompts", &prompts, .within(1...1_000_000),
            "Held-out prompts that are answered, from the start of the file.")
        keys.value("samples", &samples, .within(1...4096), "Answers to each prompt; pass@k needs k of them.")
        keys.optional(
            "every", &every, .atLeast(1),
            "Steps of PPO after which the policy answers the held-out prompts; also at the start and at the end.")
        keys.value(
            "best", &best, .notEmpty,
            "Figure by which the best of these steps is kept and exported: score, a reward's name, or NAME/pass@K.")
        keys.optional("max_new_tokens", &maxNewTokens, .within(1...1_048_576), "Default: that of rollout.")
        keys.value("temperature", &temperature, .within(0...100), "0: the most likely token.")
        keys.value("kl_budget", &klBudget, .above(0), "Mean nats a sequence that the policy may be from the reference.")
        keys.value("threads", &threads, .within(SetupLimits.threads), "Threads that compute in the stage evaluate.")
    }
}

extension RunConfiguration {
    /// What scores held-out answers.
    package var evaluationRewards: [RewardSection] { evaluation.rewards.isEmpty ? rewards : evaluation.rewards }

    /// Whether scorers are started by hand, perhaps on other machines, with programs and secrets of their own.
    package var scorersAreElsewhere: Bool { roles.scorer.count == 0 }
}
