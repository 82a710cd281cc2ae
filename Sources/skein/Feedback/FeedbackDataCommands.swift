import ArgumentParser
import AtomicFiles
import Console
import FeedbackStore
import Foundation

struct FeedbackStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far the labelling is, and who did how much.")
    @OptionGroup var file: StoreOption
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let store = try file.open()
        let summary = try feedbackErrors { try store.summary() }
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            Console.output(String(decoding: try encoder.encode(summary), as: UTF8.self))
            return
        }
        Console.output(
            """
            \(summary.votes) of \(summary.wanted) answers to \(summary.tasks) tasks; \(summary.skips) skips, \
            \(summary.expiredLeases) expired, \(summary.openLeases) in somebody's hands, \(summary.disputed) disagreements open
            """)
        for person in summary.people {
            var words = ["\(person.votes) answers", "\(person.skips) skips", "\(Int(person.seconds / 60)) min"]
            if person.goldAnswered > 0 { words.append("gold \(person.goldRight) of \(person.goldAnswered)") }
            if person.isLead { words.append("lead") }
            if person.isRevoked { words.append("revoked") }
            Console.output("  \(person.name) (\(person.pseudonym)): \(words.joined(separator: ", "))")
        }
    }
}

struct FeedbackExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all answers as JSON lines, with pseudonyms for names.")
    @OptionGroup var file: StoreOption
    @Option(help: "The file to write; standard output when it is left out.") var output: String?

    func run() throws {
        let store = try file.open()
        let counts = try feedbackErrors {
            guard let output else {
                return try store.export(to: "standard output", at: StoreOption.now) { data in
                    try FileHandle.standardOutput.write(contentsOf: data)
                }
            }
            return try write(to: output, store)
        }
        Console.error("\(counts.rows) rows of \(counts.people) people, SHA-256 \(counts.sha256)")
    }

    /// Whole or not at all.
    private func write(to output: String, _ store: FeedbackStore) throws -> ExportCounts {
        var counts = ExportCounts()
        let place = URL(filePath: output).standardizedFileURL.path(percentEncoded: false)
        do {
            try AtomicFile.write(to: output) { sink in
                counts = try store.export(to: place, at: StoreOption.now) { data in
                    try data.withUnsafeBytes { try sink($0) }
                }
            }
        } catch let error as FileError {
            throw CommandError(.failed, "\(error); check the folder and its permissions")
        }
        return counts
    }
}
