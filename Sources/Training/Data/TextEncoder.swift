import Datasets
import RunConfiguration
import Tokenizers

/// Prompts and answers as tokens, as the PPO stage and evaluation make them too.
struct TextEncoder {
    struct Pair { var chosen: [Int32]; var rejected: [Int32] }

    let tokenizer: Tokenizer
    let usesTemplate: Bool

    init(directory: String, _ run: RunConfiguration) throws {
        tokenizer = try Tokenizer(directory: directory)
        usesTemplate = run.data.chatTemplate == .auto && tokenizer.hasChatTemplate
    }

    func prompt(_ prompt: PromptText) throws -> [Int32] {
        guard usesTemplate else { return tokenizer.encode(prompt.plain) }
        switch prompt {
        case .text(let text):
            return try tokenizer.encodeChat([ChatMessage(role: "user", content: text)], addGenerationPrompt: true)
        case .turns(let turns):
            return try tokenizer.encodeChat(
                turns.map { ChatMessage(role: $0.role, content: $0.content) }, addGenerationPrompt: true)
        }
    }

    /// The answer ends with the end-of-text token.
    func encode(_ prompt: PromptText, _ answer: String) throws -> (prompt: [Int32], answer: [Int32]) {
        let end = tokenizer.eosID.map { [$0] } ?? []
        return (try self.prompt(prompt), tokenizer.encode(answer, addSpecialTokens: false) + end)
    }

    func pairs(_ file: String, _ run: RunConfiguration) throws -> [Pair] {
        try LoadedRows<PreferenceRow>.read(path: file, onBadLine: TrainingStages.bad(run)).rows.map { row in
            let chosen = try encode(row.prompt, row.chosen)
            let rejected = try encode(row.prompt, row.rejected)
            return Pair(chosen: chosen.prompt + chosen.answer, rejected: rejected.prompt + rejected.answer)
        }
    }
}
