import Datasets
import LanguageModels
import RunConfiguration
import RunInputs
import Tokenizers
import Torch

/// A reward model over held-out answers: of the ids that were sampled, or of texts in tokens of its own, as in a run.
struct ModelScores {
    private let model: RewardModel
    private let policy: Tokenizer
    private let encoder: AnswerEncoder?

    init(_ directory: String, _ policy: ConversationEncoder, _ run: RunConfiguration, _ device: Device) throws {
        model = try RewardModel(directory: directory, device: device)
        self.policy = policy.tokenizer
        let own = try Tokenizer(directory: directory)
        let isTrainedHere = RewardModel.isTrainedHere(directory: directory)
        switch try RewardReading(
            policy: policy.tokenizer, reward: own, usesTemplate: policy.usesTemplate, isTrainedHere: isTrainedHere)
        {
        case .sampled: encoder = nil
        case .encodedAgain:
            encoder = try AnswerEncoder(
                own, isTrainedHere: isTrainedHere, usesTemplate: policy.usesTemplate,
                arguments: run.data.templateArguments,
                clock: RunClock.time(
                    given: run.data.clock, keptIn: run.runDirectory, isPrinted: own.printsDate,
                    now: TemplateClock.localTime()))
        }
    }

    /// Normalised rewards; nil for an answer beyond the model's context.
    func score(_ answers: [(prompt: EncodedPrompt, tokens: [Int32], text: String, isFinished: Bool)]) throws -> [Float?]
    {
        let rows = try answers.map { answer in
            try encoder.map {
                try $0.tokens(
                    prompt: answer.prompt.text, conversation: answer.prompt.conversation, answer: answer.text,
                    isFinished: answer.isFinished)
            } ?? answer.prompt.tokens + answer.tokens
        }
        let fitting = rows.indices.filter { !rows[$0].isEmpty && rows[$0].count <= model.configuration.contextLength }
        var scores = [Float?](repeating: nil, count: rows.count)
        for (index, score) in try zip(fitting, model.score(fitting.map { rows[$0] })) { scores[index] = score }
        return scores
    }
}
