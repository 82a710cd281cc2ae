import ClusterModel
import Console
import Datasets
import RunConfiguration
import RunInputs
import Tokenizers

/// The prompts of a run as text and tokens, through the model's chat template where the run file asks for it.
enum PromptFile {
    struct Entry {
        var text: String
        var tokens: [Int32]
        var line: Int
        /// What rewards get beside the text.
        var data = RowData()
    }

    /// Reads every line for its keys alone, where there is no tokenizer yet.
    static func checkLines(_ path: String, onBadLine: BadLine) throws {
        _ = try LoadedRows<PromptRow>.read(path: path, onBadLine: onBadLine)
    }

    /// - Parameter context: tokens that the model takes; a prompt leaves room for one more at least.
    /// - Parameter vocabulary: tokens that the model has embeddings of.
    static func read(
        _ path: String, tokenizer: Tokenizer, context: Int, vocabulary: Int, run: RunConfiguration
    ) throws -> [Entry] {
        let data = run.data
        let encoder = try ConversationEncoder(
            tokenizer, usesTemplate: data.chatTemplate == .auto, arguments: data.templateArguments,
            clock: RunClock.time(
                given: run.data.clock, keptIn: run.runDirectory, isPrinted: tokenizer.printsDate,
                now: TemplateClock.localTime()))
        if let key = encoder.unreadArguments.first {
            throw CommandError(
                .configuration, "data.template_arguments: the model's chat template does not read '\(key)'; remove it")
        }
        let scorers = try rewards(run)
        let isContext = context - 1 < run.rollout.maxPromptTokens
        let length = LengthLimit(
            tokens: min(context - 1, run.rollout.maxPromptTokens),
            rule: LengthLimit.Rule(rawValue: data.tooLong.rawValue) ?? .error,
            side: data.truncate.flatMap { LengthLimit.Side(rawValue: $0.rawValue) } ?? .left,
            name: isContext
                ? "the model's context of \(context) with room for an answer"
                : "rollout.max_prompt_tokens (\(run.rollout.maxPromptTokens))")
        let prompts = try EncodedRows(
            prompts: path, encoder, vocabulary: vocabulary, length: length,
            onBadLine: data.onError == .skip ? .skip : .stop
        ) { prompt in
            for (name, encoder) in scorers {
                do throws(TokenizerError) {
                    try encoder.check(prompt: prompt.text, conversation: prompt.conversation)
                } catch {
                    throw RowProblem("the reward \(name) cannot read the prompt: \(error)")
                }
            }
        }
        if let summary = prompts.summary { Console.error("data.prompts: \(summary)") }
        return zip(prompts.values, prompts.lines).map { prompt, line in
            Entry(
                text: prompt.text, tokens: prompt.tokens, line: line,
                data: RowData(extra: prompt.extra, conversation: prompt.conversation))
        }
    }

    /// What encodes the prompts for reward models that read texts in tokens of their own.
    private static func rewards(_ run: RunConfiguration) throws -> [(name: String, encoder: AnswerEncoder)] {
        try run.rewards.compactMap { reward in
            guard let keys = reward.model, keys.encodesAgain, let directory = keys.path else { return nil }
            return (
                reward.name,
                try AnswerEncoder(
                    Tokenizer(directory: directory), isTrainedHere: RewardTokenizers.isTrainedHere(directory),
                    usesTemplate: keys.usesTemplate, arguments: run.data.templateArguments, clock: run.data.clock)
            )
        }
    }
}
