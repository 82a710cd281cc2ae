import ArgumentParser
import Console
import Datasets
import Foundation
import LanguageModels
import Tokenizers
import Torch

struct ScoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Rewards that a reward model gives to texts, a JSON line a text.",
        discussion: """
            The input has lines of {"prompt","response"}, {"messages"} or {"text"}. A text is read as it stands, with the \
            special tokens that the tokenizer adds; the others go through the model's chat template, if it has one, and \
            end with the turn or with the end-of-text token. Scores are normalised, as in a run, by the mean and deviation \
            of reward.json; with --raw they are the logits that transformers gives.
            """)

    @Option(help: "Directory of a reward model: of the stage reward_model, or a ...ForSequenceClassification.")
    var model: String
    @Option(help: "Lines of JSON; - reads standard input.") var input: String
    @Option(help: "cpu, cuda, cuda:N or mps.") var device = "cpu"
    @Option(help: "Threads that compute.") var threads = max(1, ProcessInfo.processInfo.activeProcessorCount)
    @Option(help: "Tokens of a batch, padding included.") var tokenBudget = 4096
    @Flag(help: "Logits of the model, without the mean and deviation of reward.json.") var raw = false
    @Flag(help: "Join prompts, turns and responses as plain text, whatever the model's chat template.") var plain =
        false
    @Option(help: "Further names for the chat template, as a JSON object: {\"enable_thinking\": false}.")
    var templateArguments: String?

    /// Lines that are scored before the first of them is printed.
    private static let linesAtOnce = 512

    func validate() throws {
        guard tokenBudget >= 1 else { throw ValidationError("--token-budget must be at least 1") }
        guard threads >= 1 else { throw ValidationError("--threads must be at least 1") }
    }

    func run() async throws {
        try configurationErrors {
            let device = try Device.named(device)
            try TorchRuntime.configure(threads: threads)
            let tokenizer = try Tokenizer(directory: model)
            let reward = try RewardModel(directory: model, device: device)
            let rows = try read(tokenizer, reward)
            struct Line: Encodable { var score: Float }
            for start in stride(from: 0, to: rows.count, by: Self.linesAtOnce) {
                let piece = Array(rows[start..<min(start + Self.linesAtOnce, rows.count)])
                let scores =
                    try raw
                    ? reward.rawScores(piece, tokenBudget: tokenBudget) : reward.score(piece, tokenBudget: tokenBudget)
                for score in scores { try printJSON(Line(score: score)) }
            }
        }
    }

    /// All lines as tokens, so that a bad one is found before anything is computed.
    private func read(_ tokenizer: Tokenizer, _ reward: RewardModel) throws -> [[Int32]] {
        let encoder = try AnswerEncoder(
            tokenizer, isTrainedHere: RewardModel.isTrainedHere(directory: model), usesTemplate: !plain,
            arguments: templateArguments)
        let context = reward.configuration.contextLength
        let loaded = try LoadedRows<ScoreRow>.read(
            path: input == "-" ? "/dev/stdin" : input, isSkippable: false)
        return try zip(loaded.rows, loaded.lines).map { row, line in
            do {
                let tokens = try tokens(row, encoder, tokenizer)
                guard !tokens.isEmpty else { throw LanguageModelError(.argument, "the text has no tokens") }
                guard tokens.count <= context else {
                    throw LanguageModelError(
                        .argument, "\(tokens.count) tokens, over the model's context of \(context); shorten the text")
                }
                try reward.configuration.checkTokens([tokens])
                return tokens
            } catch {
                throw CommandError(.configuration, "\(input):\(line): \(error)")
            }
        }
    }

    private func tokens(_ row: ScoreRow, _ encoder: AnswerEncoder, _ tokenizer: Tokenizer) throws -> [Int32] {
        switch row.content {
        case .text(let text): tokenizer.encode(text)
        case .answer(let prompt, let answer): try encoder.tokens(prompt, answer, row.inputs)
        case .conversation(let turns):
            try encoder.tokens(.turns(turns.dropLast()), .turns(turns.suffix(1)), row.inputs)
        }
    }
}
