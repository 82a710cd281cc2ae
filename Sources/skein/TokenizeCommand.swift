import ArgumentParser
import Console
import Datasets
import Foundation
import Tokenizers

struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "Token ids of each line of a file, as the model's tokenizer makes them.")

    @Option(help: "Hugging Face directory with tokenizer.json.") var model: String
    @Option(help: "Text file; with --json-lines, lines of {\"text\"}; - reads standard input.") var input: String
    @Flag(help: "Print a JSON array of ids a line instead of the tokens' texts.") var json = false
    @Flag(help: "Each line of the input is a JSON object with a key text (the default for .jsonl and .jsonl.gz).")
    var jsonLines = false
    @Flag(inversion: .prefixedNo, help: "Add the special tokens that the tokenizer's post-processor adds.")
    var addSpecialTokens = true

    func run() throws {
        let tokenizer = try configurationErrors { try Tokenizer(directory: model) }
        if jsonLines || input.hasSuffix(".jsonl") || input.hasSuffix(".jsonl.gz") {
            let rows = try configurationErrors { try RowReader<TextRow>(path: input, isSkippable: false) }
            while let row = try configurationErrors(rows.next) { print(row.text, tokenizer) }
        } else {
            let lines = try configurationErrors { try LineReader(path: input) }
            while let line = try configurationErrors(lines.next) {
                guard let bytes = line.bytes, let text = String(validating: bytes, as: UTF8.self) else {
                    throw CommandError(
                        .configuration, "\(lines.name):\(line.number): the line is not UTF-8, or far too long")
                }
                print(text, tokenizer)
            }
        }
    }

    private func print(_ text: String, _ tokenizer: Tokenizer) {
        let ids = tokenizer.encode(text, addSpecialTokens: addSpecialTokens)
        if json {
            Console.output("[" + ids.map(String.init).joined(separator: ",") + "]")
        } else {
            Console.output(ids.map { tokenizer.token($0) ?? "?" }.joined(separator: " "))
        }
    }
}
