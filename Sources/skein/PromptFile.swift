import ClusterModel
import Console
import Datasets
import Foundation
import RunConfiguration
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

    static func read(_ path: String, tokenizer: Tokenizer, data: DataSection) throws -> [Entry] {
        let loaded = try LoadedRows<PromptRow>.read(path: path, onBadLine: data.onError == .skip ? .skip : .stop)
        if loaded.skipped > 0 { Console.error("\(path): \(loaded.skipped) bad lines skipped: \(loaded.problems[0])") }
        let usesTemplate = data.chatTemplate == .auto && tokenizer.hasChatTemplate
        return try zip(loaded.rows, loaded.lines).map { row, line in
            switch row.prompt {
            case .text(let text) where !usesTemplate:
                return Entry(text: text, tokens: tokenizer.encode(text), line: line)
            case .text(let text):
                return Entry(
                    text: text,
                    tokens: try tokenizer.encodeChat(
                        [ChatMessage(role: "user", content: text)], addGenerationPrompt: true),
                    line: line)
            case .turns(let turns):
                guard usesTemplate else {
                    throw CommandError(
                        .configuration,
                        "\(path):\(line): the line holds messages, and the model's tokenizer has no chat template")
                }
                return Entry(
                    text: row.prompt.plain,
                    tokens: try tokenizer.encodeChat(
                        turns.map { ChatMessage(role: $0.role, content: $0.content) }, addGenerationPrompt: true),
                    line: line)
            }
        }
    }
}
