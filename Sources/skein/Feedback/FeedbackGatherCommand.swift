import ArgumentParser
import AtomicFiles
import Console
import Datasets
import Foundation
import Rewards
import RunConfiguration
import Tokenizers

struct FeedbackGatherCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gather",
        abstract: "Ask OpenAI-compatible servers for answers to prompts, and write a file for serve --tasks.")
    @Option(help: #"JSON lines {"prompt"} or {"messages"}."#) var prompts: String
    @Option(help: "URL of a server, such as http://127.0.0.1:8000/v1; one for each --model.") var endpoint: [String]
    @Option(help: "Name of a model at the server; may be repeated.") var model: [String]
    @Option(help: "Answers of each model to each prompt.") var answers = 2
    @Option(help: "Sampling temperature.") var temperature = 1.0
    @Option(help: "Tokens of an answer at most.") var maxTokens = 512
    @Option(help: "Environment variable with the bearer token.") var tokenEnv: String?
    @Option(help: "Requests at a time.") var parallel = 8
    @Option(help: "The file to write.") var output: String

    func run() async throws {
        guard endpoint.count == 1 || endpoint.count == model.count, !model.isEmpty else {
            throw CommandError(.usage, "give one --endpoint, or one for each --model")
        }
        guard (1...6).contains(answers), temperature >= 0, maxTokens > 0, (1...256).contains(parallel) else {
            throw CommandError(
                .usage, "--answers is from 1 to 6, --parallel from 1 to 256, --max-tokens above 0, --temperature from 0"
            )
        }
        let servers = try configurationErrors {
            try model.indices.map { index in
                let url = endpoint[endpoint.count == 1 ? 0 : index]
                if let trouble = HTTPKeys.trouble(withURL: url) {
                    throw CommandError(.configuration, "--endpoint \(url): \(trouble)")
                }
                return try ChatServer(url: url, model: model[index], tokenVariable: tokenEnv)
            }
        }
        let rows = try configurationErrors { try LoadedRows<PromptRow>.read(path: prompts, isSkippable: false) }
        let gathered = try await gather(rows.rows.map(\.prompt), servers)
        try write(rows.rows.map(\.prompt), gathered)
    }

    /// One answer that is wanted.
    private struct Question: Sendable {
        var number: Int
        var turns: [ChatMessage]
        var server: ChatServer
    }

    private struct Outcome: Sendable {
        var number: Int
        var source: String
        var text: String?
        var failure: RewardError?
    }

    private static func ask(_ question: Question, _ sampling: ChatServer.Sampling) async throws -> Outcome {
        var outcome = Outcome(number: question.number, source: question.server.model)
        do {
            outcome.text = try await question.server.answer(to: question.turns, sampling)
        } catch let error as RewardError {
            outcome.failure = error
        }
        return outcome
    }

    /// For each prompt, its answers in the order of models. One that failed is missing and named.
    private func gather(_ prompts: [PromptText], _ servers: [ChatServer]) async throws -> [[AnswersRow.Answer]] {
        let sampling = ChatServer.Sampling(temperature: temperature, maxTokens: maxTokens)
        let each = servers.count * answers
        var questions: [Question] = []
        for prompt in prompts {
            for server in servers {
                for _ in 0..<answers {
                    questions.append(Question(number: questions.count, turns: prompt.turns, server: server))
                }
            }
        }
        var found: [Int: AnswersRow.Answer] = [:]
        var failures = 0
        // A struct crosses the group: with a tuple that held a `Result` the optimised build of Swift 6.3.1 trapped here.
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            var waiting = questions[...]
            for question in waiting.prefix(parallel) { group.addTask { try await Self.ask(question, sampling) } }
            waiting = waiting.dropFirst(parallel)
            while let outcome = try await group.next() {
                if let text = outcome.text {
                    found[outcome.number] = AnswersRow.Answer(source: outcome.source, text: text)
                } else if let failure = outcome.failure {
                    if failure.isPermanent { throw CommandError(.configuration, failure.message) }
                    failures += 1
                    if failures <= 5 { Console.error("skein: prompt \(outcome.number / each + 1): \(failure.message)") }
                }
                if let question = waiting.popFirst() {
                    group.addTask { try await Self.ask(question, sampling) }
                }
            }
        }
        if failures > 0 { Console.error("\(failures) of \(questions.count) answers are missing") }
        return prompts.indices.map { prompt in (prompt * each..<(prompt + 1) * each).compactMap { found[$0] } }
    }

    /// An answer that is there twice is written once.
    private func write(_ prompts: [PromptText], _ gathered: [[AnswersRow.Answer]]) throws {
        var lines = ""
        var written = 0
        for (prompt, answers) in zip(prompts, gathered) {
            var unique: [AnswersRow.Answer] = []
            for answer in answers where !unique.contains(where: { $0.text == answer.text }) { unique.append(answer) }
            guard unique.count > 1 else { continue }
            let key = if case .text = prompt { "prompt" } else { "messages" }
            let value: JSONValue =
                if case .text(let text) = prompt { .string(text) } else { .array(prompt.turns.map(\.json)) }
            let list = unique.map { answer in
                JSONValue.object([.init("source", .string(answer.source)), .init("text", .string(answer.text))])
            }
            lines += JSONValue.object([.init(key, value), .init("answers", .array(list))]).finite.json + "\n"
            written += 1
        }
        guard written > 0 else {
            throw CommandError(.tryAgain, "no prompt has two different answers; nothing was written")
        }
        do {
            try AtomicFile.write(Data(lines.utf8), to: output)
        } catch let error as FileError {
            throw CommandError(.failed, "\(error); check the folder and its permissions")
        }
        Console.error("\(output): \(written) of \(prompts.count) prompts with two different answers or more")
    }
}
