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
                arguments: run.data.templateArguments, clock: TrainingStages.clock(run, own))
        }
    }

    /// Normalised rewards; nil for an answer beyond the model's context.
    func score(_ prompts: [EncodedPrompt], _ answers: [[Int32]]) throws -> [Float?] {
        let texts = try zip(prompts, answers).map { prompt, answer in
            try encoder.map {
                try $0.tokens(
                    prompt: prompt.text, conversation: prompt.conversation,
                    answer: policy.decode(answer, skipSpecialTokens: true),
                    isFinished: answer.last.map { policy.answerEnds.contains($0) } ?? false)
            } ?? prompt.tokens + answer
        }
        let fitting = texts.indices.filter { texts[$0].count <= model.configuration.contextLength }
        var scores = [Float?](repeating: nil, count: texts.count)
        for (index, score) in try zip(fitting, model.score(fitting.map { texts[$0] })) { scores[index] = score }
        return scores
    }
}
