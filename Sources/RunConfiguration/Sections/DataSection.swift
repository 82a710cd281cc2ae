/// Files of JSON lines that the stages read. Absolute paths once the file is loaded.
package struct DataSection: ConfigurationSection, Equatable {
    package enum OnError: String, Sendable, CaseIterable, ChoiceValue { case stop, skip }
    package enum TooLong: String, Sendable, CaseIterable, ChoiceValue { case error, skip, truncate }
    package enum Side: String, Sendable, CaseIterable, ChoiceValue { case left, right }
    package enum ChatTemplate: String, Sendable, CaseIterable, ChoiceValue { case auto, none }

    package var directory: String?
    package var onError = OnError.stop
    package var tooLong = TooLong.error
    package var truncate: Side?
    package var pretrain: String?
    package var sft: String?
    package var preferences: String?
    package var preferencesValidation: String?
    package var prompts: String?
    package var evaluationPrompts: String?
    package var chatTemplate = ChatTemplate.auto
    /// A JSON object; nil for none.
    package var templateArguments: String?
    /// The time that chat templates print: seconds since 1970 in local time. Not a key: kept in the run directory.
    package var clock: Double?

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional(
            "directory", &directory, "Where relative file names below are looked for; else the working directory.",
            changes: .free)
        keys.value("on_error", &onError, "What a bad line does: stop the run, or be skipped and counted.")
        keys.value(
            "too_long", &tooLong,
            "What a row does that is longer than the context (a prompt: than rollout.max_prompt_tokens): be a bad line, be skipped, or be cut."
        )
        keys.optional(
            "truncate", &truncate,
            "Which end is cut off; off: the right of demonstrations, the left of prompts and of pairs.")
        keys.optional("pretrain", &pretrain, #"Lines of {"text"}."#, changes: .place)
        keys.optional("sft", &sft, #"Lines of {"prompt","completion"} or {"messages"}."#, changes: .place)
        keys.optional("preferences", &preferences, #"Lines of {"prompt","chosen","rejected"}."#, changes: .place)
        keys.optional(
            "preferences_validation", &preferencesValidation, "Held-out pairs; else a share of preferences.",
            changes: .place)
        keys.optional("prompts", &prompts, #"Lines of {"prompt"} or {"messages"} that PPO answers."#, changes: .place)
        keys.optional(
            "evaluation_prompts", &evaluationPrompts,
            "Held-out prompts of the stage evaluate and of evaluation.every; else data.prompts.", changes: .free)
        keys.value(
            "chat_template", &chatTemplate, "Whether prompts go through the model's chat template, if it has one.")
        keys.mapping(
            "template_arguments", &templateArguments,
            "Names that the chat template reads, such as {enable_thinking: false}; those of a row's chat_template_kwargs count more."
        )
    }
}
