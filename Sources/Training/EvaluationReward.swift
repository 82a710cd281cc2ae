import Datasets
import LanguageModels
import RunConfiguration
import Tokenizers
import Torch

/// The reward model beside the gold score: of the ids that were sampled, or of texts in tokens of its own, as in a run.
struct EvaluationReward {
    private let model: RewardModel
    private let policy: Tokenizer
    private let encoder: AnswerEncoder?
    private let usesTemplate: Bool

    init(_ directory: String, _ policy: Tokenizer, usesTemplate: Bool, _ device: Device) throws {
        model = try RewardModel(directory: directory, device: device)
        self.policy = policy
        self.usesTemplate = usesTemplate
        let own = try Tokenizer(directory: directory)
        switch try RewardReading(policy: policy, reward: own, usesTemplate: usesTemplate) {
        case .sampled: encoder = nil
        case .encodedAgain:
            encoder = try AnswerEncoder(own, isTrainedHere: RewardModel.isTrainedHere(directory: directory))
        }
    }

    /// Normalised rewards; an answer beyond the model's context has none.
    func score(_ prompts: [EncodedPrompt], _ answers: [[Int32]]) throws -> [Float] {
        let texts = try zip(prompts, answers).map { prompt, answer in
            try encoder.map { try tokens($0, prompt, answer) } ?? prompt.tokens + answer
        }
        return try model.score(texts.filter { $0.count <= model.configuration.contextLength })
    }

    private func tokens(_ encoder: AnswerEncoder, _ prompt: EncodedPrompt, _ answer: [Int32]) throws -> [Int32] {
        let question: AnswerEncoder.Prompt =
            if usesTemplate, !prompt.conversation.isEmpty {
                try AnswerEncoder.Prompt(json: prompt.conversation)
            } else {
                usesTemplate ? .question(prompt.text) : .text(prompt.text)
            }
        return try encoder.tokens(
            prompt: question, answer: policy.decode(answer, skipSpecialTokens: true),
            isFinished: answer.last.map { policy.answerEnds.contains($0) } ?? false)
    }
}
