import ClusterModel

/// How answers are sampled.
package struct RolloutSection: ConfigurationSection, Equatable {
    package var promptsPerStep = 64
    package var samplesPerPrompt = 1
    /// Filled in when the file is loaded.
    package var promptsPerJob: Int?
    package var samplesPerJob: Int?
    package var temperature = 1.0
    package var topK = 0
    package var topP = 1.0
    package var maxPromptTokens = 512
    package var maxNewTokens = 128
    package var stop: [String] = []
    package var rowsInFlight = 64

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("prompts_per_step", &promptsPerStep, .within(1...1_000_000), "Prompts of one PPO step.")
        keys.value("samples_per_prompt", &samplesPerPrompt, .within(1...1024), "Answers to each prompt.")
        keys.optional(
            "prompts_per_job", &promptsPerJob, .within(1...65536),
            "Most prompts of one job, fewer where they do not fit into 1 MiB; never depends on the number of workers. Default: 16."
        )
        keys.optional(
            "samples_per_job", &samplesPerJob, .within(1...1024),
            "Most answers to one prompt in one job; default: all, or as many as fit into 1 MiB.")
        keys.value("temperature", &temperature, .within(0.01...100), "Of the distribution that is sampled from.")
        keys.value("top_k", &topK, .within(0...1_000_000), "Only the k most likely tokens; 0: all.")
        keys.value("top_p", &topP, .within(0.000_001...1), "Only the most likely tokens that hold this share; 1: all.")
        keys.value(
            "max_prompt_tokens", &maxPromptTokens, .within(1...1_048_576),
            "Longest prompt in tokens; data.too_long says what a longer one does.")
        keys.value("max_new_tokens", &maxNewTokens, .within(1...1_048_576), "Longest answer in tokens.")
        keys.list("stop", &stop, "Texts that end an answer.")
        // Rows of a generator in flight change no bit of any of them.
        keys.value(
            "rows_in_flight", &rowsInFlight, .within(SetupLimits.rowsInFlight),
            "Answers that a generator works on at a time; the next takes the place of one that has ended.",
            changes: .free)
    }

    /// Sequences of one PPO step.
    package var samplesPerStep: Int { promptsPerStep * samplesPerPrompt }
}

/// Which version of the policy samples which step.
package struct ScheduleSection: ConfigurationSection, Equatable {
    package enum Mode: String, Sendable, CaseIterable, ChoiceValue { case sync, lag }

    package var mode = Mode.sync
    /// Used in mode `lag` only; see ``versionsBehind``.
    package var lag = 1

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "mode", &mode,
            "sync: step n samples from version n. lag: from version n - lag; sampling and training overlap.")
        keys.value("lag", &lag, .within(SetupLimits.versionsBehind), "Versions behind, in mode lag.")
    }

    /// Step n samples from version max(0, n - this).
    package var versionsBehind: Int { mode == .sync ? 0 : lag }
}
