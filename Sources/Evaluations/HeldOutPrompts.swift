import Datasets
import LanguageModels
package import RunConfiguration
import RunInputs
import Tokenizers

/// The held-out prompts of a run as a policy gets them.
package struct HeldOutPrompts {
    let encoder: ConversationEncoder
    let rows: EncodedRows<EncodedPrompt>

    /// - Parameter policy: directory of the policy, or of a model with its tokenizer and context.
    /// - Throws: an error that names the file and line that the evaluation would refuse.
    package init(_ file: String, for policy: String, _ run: RunConfiguration) throws {
        let configuration = try ModelFiles.directory(policy).configuration()
        let tokenizer = try Tokenizer(directory: policy)
        encoder = try ConversationEncoder(
            tokenizer, usesTemplate: run.data.chatTemplate == .auto, arguments: run.data.templateArguments,
            clock: RunClock.time(
                given: run.data.clock, keptIn: run.runDirectory, isPrinted: tokenizer.printsDate,
                now: TemplateClock.localTime()))
        if let key = encoder.unreadArguments.first {
            throw EvaluationError(
                "data.template_arguments: the model's chat template does not read '\(key)'; remove it")
        }
        let context = configuration.contextLength
        rows = try EncodedRows(
            prompts: file, encoder, vocabulary: configuration.vocabularySize,
            length: LengthLimit(
                tokens: context - 1, rule: LengthLimit.Rule(rawValue: run.data.tooLong.rawValue) ?? .error,
                side: run.data.truncate.flatMap { LengthLimit.Side(rawValue: $0.rawValue) } ?? .left,
                name: "the model's context of \(context) with room for an answer"),
            onBadLine: run.data.onError == .skip ? .skip : .stop, limit: run.evaluation.prompts)
    }
}
