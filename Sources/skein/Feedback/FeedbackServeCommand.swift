import ArgumentParser
import Console
import Datasets
import FeedbackModel
import FeedbackServer
import FeedbackStore
import Foundation
import MetricsServer
import Reports
import RunLayout
import ServiceLifecycle
import Tokenizers

struct FeedbackServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the labelling page on this machine.",
        discussion: """
            Settings are kept in the store: what is not given stays as it was. The same tasks may be given again; they are \
            added once. Invite people with: skein feedback invite NAME
            """)
    @OptionGroup var file: StoreOption
    @Option(help: #"JSON lines {"prompt","answers":[{"source","text"}]}; may be repeated."#) var tasks: [String] = []
    @Option(name: .customLong("run"), help: "A run directory whose answers are compared; may be repeated.")
    var runs: [String] = []
    @Option(help: "What is asked about new tasks: pair, ranking, rating or writing.") var mode = "pair"
    @Option(help: "Pairs made of one prompt's answers; all when it is left out.") var pairsPerPrompt: Int?
    @Option(help: "People who answer each task.") var overlap: Int?
    @Option(help: "Seconds without activity until a task goes to somebody else.") var lease: Int?
    @Option(help: "Share of the pairs that ask for a written reason, from 0 to 1.") var reasons: Double?
    @Option(help: "One task in so many is a gold question; 0: none.") var goldEvery: Int?
    @Option(help: "Share of the entry test that has to be right.") var pass: Double?
    @Option(help: "What answers are rated by, separated by commas.") var criteria: String?
    @Option(help: "The highest score; the lowest is 1.") var highestScore: Int?
    @Option(help: "Problems that an answer can be flagged with, separated by commas.") var flags: String?
    @Option(help: "The title of the page.") var title: String?
    @Option(help: "A Markdown file that stands beside every task.") var guidelines: String?
    @Option(help: "Address of this machine to listen at; port 0: any free one.") var listen = "127.0.0.1:8085"
    @Option(help: "How people reach the server through a proxy, such as https://label.example.com.") var publicURL:
        String?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel = "info"

    func run() async throws {
        let logger = try makeLogger("feedback", level: .named(logLevel))
        guard let address = LocalAddress(listen) else {
            throw CommandError(
                .configuration,
                "--listen \(listen): the page is served on this machine alone; use 127.0.0.1:PORT, and a proxy or an SSH "
                    + "tunnel for people elsewhere")
        }
        try check(publicURL)
        OpenFiles.raiseLimit()
        let store = try file.open(isNew: true)
        try feedbackErrors {
            try store.own()
            try store.set(try settings(try store.settings()))
        }
        try addTasks(store)
        let server = try feedbackErrors {
            try FeedbackServer(address: address, publicURL: publicURL, store: store, logger: logger)
        }
        var process = ServiceProcess(logger: logger)
        process.add(role: FeedbackService(server: server, store: store, publicURL: publicURL, argument: file.argument))
        try await process.run(until: Signals.endingOrInterrupt, second: nil)
    }

    private func check(_ url: String?) throws {
        guard let url else { return }
        guard let parts = URLComponents(string: url), let scheme = parts.scheme, ["http", "https"].contains(scheme),
            parts.host?.isEmpty == false, parts.path.isEmpty, parts.query == nil, parts.fragment == nil
        else {
            throw CommandError(
                .usage, "--public-url \(url): write scheme and host alone, such as https://label.example.com")
        }
    }

    private func settings(_ known: FeedbackSettings) throws -> FeedbackSettings {
        var settings = known
        if let overlap { settings.overlap = overlap }
        if let lease { settings.leaseSeconds = lease }
        if let reasons { settings.reasonShare = reasons }
        if let goldEvery { settings.goldEvery = goldEvery }
        if let pass { settings.passShare = pass }
        if let highestScore { settings.highestScore = highestScore }
        if let criteria { settings.criteria = names(criteria) }
        if let flags { settings.flags = names(flags) }
        if let title { settings.title = title }
        if let guidelines {
            guard let text = try? String(contentsOfFile: guidelines, encoding: .utf8) else {
                throw CommandError(.configuration, "--guidelines \(guidelines): the file cannot be read as UTF-8")
            }
            settings.guidelines = text
        }
        return settings
    }

    private func names(_ list: String) -> [String] {
        list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    // MARK: - Tasks

    private func addTasks(_ store: FeedbackStore) throws {
        guard let mode = AnswersRow.Mode(rawValue: self.mode) else {
            throw CommandError(.usage, "--mode \(self.mode): write pair, ranking, rating or writing")
        }
        if let pairsPerPrompt, pairsPerPrompt < 1 {
            throw CommandError(.usage, "--pairs-per-prompt \(pairsPerPrompt): write 1 or more")
        }
        var plan = ImportPlan()
        plan.kind = TaskKind(rawValue: mode.rawValue) ?? .pair
        plan.pairsPerPrompt = pairsPerPrompt
        for path in tasks {
            let prompts = try configurationErrors { try TaskFile.read(path, mode: mode) }
            report(path, try feedbackErrors { try store.add(prompts, plan: plan) })
        }
        for directory in runs {
            guard RunLayout(directory).isRunDirectory else {
                throw CommandError(.configuration, "--run \(directory): this is no run directory")
            }
            let prompts = RunAnswers.read(runDirectory: directory).map { TaskFile.prompt($0) }
            guard !prompts.isEmpty else {
                throw CommandError(
                    .configuration, "--run \(directory): the run keeps no two different answers to one prompt yet")
            }
            report(directory, try feedbackErrors { try store.add(prompts, plan: plan) })
        }
    }

    private func report(_ source: String, _ counts: ImportCounts) {
        var parts = ["\(counts.tasks) new tasks of \(counts.prompts) new prompts"]
        if counts.known > 0 { parts.append("\(counts.known) were there before") }
        if counts.equalTexts > 0 { parts.append("\(counts.equalTexts) pairs of equal texts left out") }
        Console.error("\(source): \(parts.joined(separator: ", "))")
    }
}

/// Tasks as files and runs have them.
enum TaskFile {
    static func read(_ path: String, mode: AnswersRow.Mode) throws -> [PromptWithAnswers] {
        let reader = try RowReader<AnswersRow>(path: path, isSkippable: false)
        var prompts: [PromptWithAnswers] = []
        while let row = try reader.next() {
            if let problem = row.problem(in: row.mode ?? mode) { try reader.reject(problem) }
            prompts.append(prompt(row))
        }
        guard !prompts.isEmpty else { throw DatasetError(.empty, "\(path) holds no \(AnswersRow.shape): it is empty") }
        return prompts
    }

    private static func prompt(_ row: AnswersRow) -> PromptWithAnswers {
        var prompt = PromptWithAnswers(
            content: content(row.prompt), answers: row.answers.map { .init(source: $0.source, text: $0.text) })
        prompt.name = row.promptID
        prompt.kind = row.mode.flatMap { TaskKind(rawValue: $0.rawValue) }
        prompt.overlap = row.overlap
        prompt.isEntryTest = row.isEntryTest
        prompt.people = row.people
        prompt.gold =
            switch row.gold {
            case .better(let place): .better(place)
            case .tie: .tie
            case .bothBad: .bothBad
            case nil: nil
            }
        return prompt
    }

    static func prompt(_ run: RunAnswers) -> PromptWithAnswers {
        PromptWithAnswers(
            content: content(.text(run.prompt)), answers: run.answers.map { .init(source: $0.source, text: $0.text) })
    }

    /// Of turns, role and text: what people see.
    private static func content(_ prompt: PromptText) -> String {
        switch prompt {
        case .text(let text): JSONValue.string(text).json
        case .turns(let turns):
            JSONValue.array(
                turns.map { .object([.init("role", .string($0.role)), .init("content", .string($0.text))]) }
            ).json
        }
    }
}

/// The labelling server as the role of its process.
struct FeedbackService: Service {
    let server: FeedbackServer
    let store: FeedbackStore
    let publicURL: String?
    /// How other commands name the store.
    let argument: String

    func run() async throws {
        let address = server.address
        do {
            try await server.run { port in
                let url = publicURL ?? "http://\(address.at(port: port))"
                do {
                    try store.setAddress(url)
                } catch {
                    Console.error("skein: \(error)")
                }
                Console.error("labelling at \(url); invite people with: skein feedback invite NAME\(argument)")
            }
        } catch let error as FeedbackError {
            throw CommandError(.failed, error.message)
        } catch {
            throw CommandError(.tryAgain, "cannot serve the page at \(address): \(error); give --listen another port")
        }
    }
}
