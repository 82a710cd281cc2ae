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
            encoder = AnswerEncoder(own, isTrainedHere: RewardModel.isTrainedHere(directory: directory))
        }
    }

    /// Normalised rewards; an answer beyond the model's context has none.
    func score(_ rows: [PromptRow], _ prompts: [[Int32]], _ answers: [[Int32]]) throws -> [Float] {
        let texts = try rows.indices.map { index in
            try encoder.map { try tokens($0, rows[index].prompt, answers[index]) } ?? prompts[index] + answers[index]
        }
        return try model.score(texts.filter { $0.count <= model.configuration.contextLength })
    }

    private func tokens(_ encoder: AnswerEncoder, _ prompt: PromptText, _ answer: [Int32]) throws -> [Int32] {
        let question: AnswerEncoder.Prompt =
            switch prompt {
            case .text(let text): usesTemplate ? .question(text) : .text(text)
            case .turns(let turns):
                .conversation(
                    messages: .array(
                        turns.map { .object([.init("role", .string($0.role)), .init("content", .string($0.content))]) }
                    ), tools: nil, variables: [])
            }
        return try encoder.tokens(
            prompt: question, answer: policy.decode(answer, skipSpecialTokens: true),
            isFinished: answer.last.map { policy.eosIDs.contains($0) } ?? false)
    }
}
