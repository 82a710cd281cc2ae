import ArgumentParser
import Console
import Foundation
import Tokenizers

struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "Token ids of each line of a file, as the model's tokenizer makes them.")

    @Option(help: "Hugging Face directory with tokenizer.json.") var model: String
    @Option(help: "Text file; with --json-lines, lines of {\"text\"}; - reads standard input.") var input: String
    @Flag(help: "Print a JSON array of ids a line instead of the tokens' texts.") var json = false
    @Flag(help: "Each line of the input is a JSON object with a key text (the default for a .jsonl file).")
    var jsonLines = false
    @Flag(inversion: .prefixedNo, help: "Add the special tokens that the tokenizer's post-processor adds.")
    var addSpecialTokens = true

    func run() throws {
        let tokenizer = try configurationErrors { try Tokenizer(directory: model) }
        let data = try readInput(input)
        let objects = jsonLines || input.hasSuffix(".jsonl")
        struct Line: Decodable { let text: String }
        var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (index, line) in lines.enumerated() {
            let text: String
            if objects {
                guard let object = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
                    throw CommandError(
                        .configuration, "\(input):\(index + 1): not a JSON object with a string under \"text\"")
                }
                text = object.text
            } else {
                text = String(decoding: line, as: UTF8.self)
            }
            let ids = tokenizer.encode(text, addSpecialTokens: addSpecialTokens)
            if json {
                Console.output("[" + ids.map(String.init).joined(separator: ",") + "]")
            } else {
                Console.output(ids.map { tokenizer.token($0) ?? "?" }.joined(separator: " "))
            }
        }
    }
}
