import Datasets
import LanguageModels
import RunConfiguration
import RunInputs
import Tokenizers

/// Rows of the data files as tokens, by the keys of the run file.
struct TextEncoder {
    struct Pair: Sendable {
        var chosen: [Int32]
        var rejected: [Int32]
        /// Of the row, without that of the run file.
        var margin = 0.0
    }

    let encoder: ConversationEncoder
    private let run: RunConfiguration
    /// Tokens that the model takes, and of how many it has embeddings.
    private let context: Int
    private let vocabulary: Int

    var tokenizer: Tokenizer { encoder.tokenizer }

    init(directory: String, for model: ModelConfiguration, _ run: RunConfiguration) throws {
        try self.init(
            Tokenizer(directory: directory), context: model.contextLength, vocabulary: model.vocabularySize, run)
    }

    init(_ tokenizer: Tokenizer, context: Int, vocabulary: Int = .max, _ run: RunConfiguration) throws {
        self.run = run
        self.context = context
        self.vocabulary = vocabulary
        encoder = try ConversationEncoder(
            tokenizer, usesTemplate: run.data.chatTemplate == .auto, arguments: run.data.templateArguments,
            clock: RunClock.time(
                given: run.data.clock, keptIn: run.runDirectory, isPrinted: tokenizer.printsDate,
                now: TemplateClock.localTime()))
        if let key = encoder.unreadArguments.first {
            throw TrainingError(
                .setting, "data.template_arguments: the model's chat template does not read '\(key)'; remove it")
        }
    }

    func demonstrations(_ file: String) throws -> EncodedRows<EncodedConversation> {
        let learning: ConversationEncoder.Learning = run.sft.loss == .last ? .last : .all
        // The last token is only predicted.
        let length = length(context + 1, .right, "the model's context of \(context) and one that is only predicted")
        return try EncodedRows(
            DemonstrationRow.self, path: file, onBadLine: TrainingStages.bad(run), rule: length.rule
        ) { row in
            let sequence = try encoder.encode(row.prompt, row.completion, row.inputs, learning: learning)
            try tokenizer.check(sequence.tokens, rows: vocabulary)
            // Nothing predicts the first token.
            guard sequence.learned.contains(where: { $0.upperBound > 1 }) else {
                throw RowProblem("no token of the row is learned")
            }
            guard sequence.tokens.count > length.tokens else { return .row(sequence) }
            let problem = length.problem(sequence.tokens.count)
            guard length.rule == .truncate else { return .tooLong(problem) }
            guard let cut = length.cut(sequence, start: tokenizer.bosID) else {
                throw RowProblem("\(problem), and cut to it nothing is left to learn")
            }
            return .cut(cut, problem)
        }
    }

    func pairs(_ file: String) throws -> EncodedRows<Pair> {
        let length = length(context, .left, "the model's context of \(context)")
        return try EncodedRows(
            PreferenceRow.self, path: file, onBadLine: TrainingStages.bad(run), rule: length.rule
        ) { row in
            let chosen = try encoder.answeredConversation(row.prompt, row.chosen, row.inputs)
            let rejected = try encoder.answeredConversation(row.prompt, row.rejected, row.inputs)
            try tokenizer.check(chosen.tokens + rejected.tokens, rows: vocabulary)
            guard !chosen.tokens.isEmpty, !rejected.tokens.isEmpty else { throw RowProblem("an answer has no tokens") }
            guard chosen.tokens != rejected.tokens else {
                throw RowProblem("'chosen' and 'rejected' are the same to the model")
            }
            let longest = max(chosen.tokens.count, rejected.tokens.count)
            guard longest > context else {
                return .row(Pair(chosen: chosen.tokens, rejected: rejected.tokens, margin: row.margin))
            }
            let problem = length.problem(longest)
            guard length.rule == .truncate else { return .tooLong(problem) }
            guard let (a, b) = length.cut(chosen, rejected, start: tokenizer.bosID), a.tokens != b.tokens else {
                throw RowProblem("\(problem), and cut to it no difference is left")
            }
            return .cut(Pair(chosen: a.tokens, rejected: b.tokens, margin: row.margin), problem)
        }
    }

    /// - Parameter side: unless the run file names one.
    private func length(_ tokens: Int, _ side: LengthLimit.Side, _ name: String) -> LengthLimit {
        LengthLimit(
            tokens: tokens, rule: LengthLimit.Rule(rawValue: run.data.tooLong.rawValue) ?? .error,
            side: run.data.truncate.flatMap { LengthLimit.Side(rawValue: $0.rawValue) } ?? side,
            name: name)
    }
}
