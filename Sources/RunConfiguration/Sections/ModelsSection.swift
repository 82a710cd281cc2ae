/// The models of a run. Absolute paths once the file is loaded.
package struct ModelsSection: ConfigurationSection, Equatable {
    package var base: String?
    /// Where PPO starts. Filled in when the file is loaded.
    package var policy: String?
    /// What the KL penalty is measured against. Filled in when the file is loaded.
    package var reference: String?
    /// Where rewards of kind `model` are that name no path, and what the critic starts from. Filled in from the stage
    /// reward_model, else from the first reward of kind `model` that names a path.
    package var reward: String?

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional(
            "base", &base, "Hugging Face directory to start from; absent when the stage pretrain makes it.",
            changes: .place)
        keys.optional("policy", &policy, "Where PPO starts: the output of sft, else base.", changes: .place)
        keys.optional(
            "reference", &reference, "The model the KL penalty is measured against: the policy's start.",
            changes: .place)
        keys.optional(
            "reward", &reward, "Reward model directory: the output of the stage reward_model.", changes: .place)
    }
}

/// Shape of a model that the stage pretrain makes from nothing. A Llama: RMSNorm, RoPE, SwiGLU, grouped queries.
package struct ArchitectureSection: ConfigurationSection, Equatable {
    package var layers = 4
    package var hidden = 128
    package var intermediate = 384
    package var heads = 4
    package var kvHeads = 4
    package var vocabulary = 2048
    package var context = 256
    package var tied = true

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("layers", &layers, .within(1...1000), "Number of transformer blocks.")
        keys.value("hidden", &hidden, .within(8...65536), "Width of the residual stream.")
        keys.value("intermediate", &intermediate, .within(8...262_144), "Width of the feed-forward layers.")
        keys.value("heads", &heads, .within(1...1024), "Attention heads; hidden must be a multiple of them.")
        keys.value(
            "kv_heads", &kvHeads, .within(1...1024),
            "Heads of keys and values, as many as heads where it is absent; heads must be a multiple of them.")
        keys.value("vocabulary", &vocabulary, .within(260...1_000_000), "Tokens of the tokenizer that is trained.")
        keys.value("context", &context, .within(8...1_048_576), "Longest sequence in tokens.")
        keys.value("tied", &tied, "Whether input and output embeddings are one.")
    }
}
