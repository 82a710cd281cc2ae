import ArgumentParser
import Console
import Datasets
import Foundation
import LanguageModels
import Tokenizers
import Torch

/// A model directory with what it takes to use it from the command line.
struct ModelOptions: ParsableArguments {
    @Option(help: "Hugging Face directory.") var model: String
    @Option(help: "Directory of a LoRA adapter in PEFT's format, over the model.") var adapter: String?
    @Option(help: "cpu, cuda, cuda:N or mps.") var device = "cpu"
    @Option(help: "Threads that compute.") var threads = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// To compute with.
    func load() throws -> (model: CausalLM, tokenizer: Tokenizer) {
        try load { device in
            let base = try CausalLM(directory: model, device: device)
            let language = try adapter.map {
                try CausalLM(
                    sharing: base, adapter: LowRankAdapter(directory: $0, for: base.configuration, device: device))
            }
            return (language ?? base, base.configuration)
        }
    }

    /// To generate with, and nothing else: in half the memory.
    func loadForGeneration() throws -> (model: InferenceModel, tokenizer: Tokenizer) {
        try load { device in
            let language = try InferenceModel(directory: model, adapter: adapter, device: device)
            return (language, language.configuration)
        }
    }

    private func load<Model>(
        _ make: (Device) throws -> (Model, ModelConfiguration)
    ) throws -> (model: Model, tokenizer: Tokenizer) {
        try configurationErrors {
            let device = try Device.named(device)
            try TorchRuntime.configure(threads: threads)
            let tokenizer = try Tokenizer(directory: model)
            let (language, configuration) = try make(device)
            for warning in configuration.warnings { Console.error("skein: \(warning)") }
            return (language, tokenizer)
        }
    }
}

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "generate", abstract: "Answer a prompt with a model.")
    @OptionGroup var options: ModelOptions
    @Option(help: "The prompt.") var prompt: String
    @Option(help: "Longest answer in tokens.") var maxNewTokens = 64
    @Option(help: "0: the most likely token.") var temperature = 1.0
    @Option(help: "Only the k most likely tokens; 0: all.") var topK = 0
    @Option(help: "Only the most likely tokens that hold this share.") var topP = 1.0
    @Option(help: "Decides the random numbers.") var seed: UInt64 = 1
    @Option(help: "Text that ends the answer; may be repeated.") var stop: [String] = []
    @Flag(help: "Apply the model's chat template to the prompt.") var chat = false
    @Option(help: "JSON object of names that the template reads, for example '{\"enable_thinking\": false}'.")
    var templateArguments: String?
    @Flag(help: "Print {\"tokens\",\"logprobs\",\"text\"}.") var json = false

    func run() async throws {
        let (model, tokenizer) = try options.loadForGeneration()
        let result = try configurationErrors {
            let encoder = try ConversationEncoder(tokenizer, usesTemplate: chat, arguments: templateArguments)
            if chat, !encoder.usesTemplate { _ = try tokenizer.chatTemplate() }
            let tokens = try encoder.prompt(.text(prompt))
            try tokenizer.check(tokens, rows: model.configuration.vocabularySize)
            return try model.generate(
                [GenerationRequest(tokens: tokens, row: 0)],
                SamplingOptions(
                    temperature: temperature, topK: topK, topP: topP, maxNewTokens: maxNewTokens,
                    endTokens: tokenizer.answerEnds, stop: stop), seed: seed, step: 0,
                decode: { tokenizer.decode($0, skipSpecialTokens: true) })[0]
        }
        let text = tokenizer.decode(result.tokens, skipSpecialTokens: true)
        if json {
            struct Line: Encodable { var tokens: [Int32]; var logprobs: [Float]; var text: String }
            try printJSON(Line(tokens: result.tokens, logprobs: result.logProbabilities, text: text))
        } else {
            Console.output(text)
        }
    }
}

struct LogprobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logprobs", abstract: "Log-probability of each token of given texts, a JSON line a text.")
    @OptionGroup var options: ModelOptions
    @Option(help: "Lines of {\"text\"}; - reads standard input.") var input: String

    func run() async throws {
        let (model, tokenizer) = try options.load()
        struct Line: Encodable { var tokens: [Int32]; var logprobs: [Float?] }
        let rows = try configurationErrors { try RowReader<TextRow>(path: input, isSkippable: false) }
        while let row = try configurationErrors(rows.next) {
            let tokens = tokenizer.encode(row.text)
            do {
                try tokenizer.check(tokens, rows: model.configuration.vocabularySize)
            } catch {
                throw CommandError(.configuration, "\(input):\(rows.line): \(error)")
            }
            guard tokens.count <= model.configuration.contextLength else {
                throw CommandError(
                    .configuration,
                    "\(input):\(rows.line): \(tokens.count) tokens, over the context of \(model.configuration.contextLength)"
                )
            }
            var values: [Float?] = tokens.isEmpty ? [] : [nil]
            if tokens.count > 1 {
                values += try configurationErrors { try model.logProbabilities([tokens])[0] }.map { Optional($0) }
            }
            try printJSON(Line(tokens: tokens, logprobs: values))
        }
    }
}

func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    Console.output(String(decoding: try encoder.encode(value), as: UTF8.self))
}
