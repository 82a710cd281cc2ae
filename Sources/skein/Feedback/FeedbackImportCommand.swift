import ArgumentParser
import Console
import Datasets
import Foundation
import Preferences
import VoteFiles

struct FeedbackImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make rows of votes from other tools' files.",
        discussion: """
            Kinds: \(VoteDialects.all.map { "\($0.kind) (\($0.summary))" }.joined(separator: "; ")).

            Every label is counted, with what it became. Repeats, contradictions, and prompts in more than one split are \
            reported. Rows go to standard output unless --output names a file.
            """)
    @Argument(help: "What the files are: \(VoteDialects.kinds).") var kind: String
    @Argument(help: "Files of JSON lines, or of one JSON array; packed by gzip or not.") var files: [String]
    @Option(help: "Write the rows here.") var output: String?
    @Option(help: "Also write a data card in Markdown.") var card: String?
    @Option(help: "The annotator of rows that name none.") var annotator: String?
    @Option(help: "The field that was shown left (label-studio, argilla).") var left: String?
    @Option(help: "The field that was shown right (label-studio, argilla).") var right: String?
    @Option(help: "The field that holds the prompt (label-studio, argilla).") var prompt: String?
    @Option(help: "The question or control that holds the verdict (label-studio, argilla).") var question: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: "What a label means: --label same=tie; left, right, tie, both_bad or skip. May be repeated.")
    var label: [String] = []
    @Option(name: .long, parsing: .singleValue, help: "A field that divides annotators into groups; may be repeated.")
    var group: [String] = []
    @Option(help: "The split of rows that name none, such as train.") var split: String?
    @Option(help: "Divide into train and test by prompt and session, with this share of groups in test.")
    var holdout: Double?
    @Option(help: "Decides which groups --holdout puts in test.") var seed: UInt64 = 1
    @Option(help: "What a bad row does: stop, or skip.") var onError: BadRow = .stop

    enum BadRow: String, ExpressibleByArgument, CaseIterable { case stop, skip }

    func validate() throws {
        guard VoteDialects.named(kind) != nil else {
            throw ValidationError("'\(kind)' is no kind; use \(VoteDialects.kinds)")
        }
        if files.isEmpty { throw ValidationError("name a file: skein feedback import \(kind) FILE") }
        if let holdout, !(0..<1).contains(holdout) {
            throw ValidationError("--holdout must be from 0 up to 1, such as 0.1")
        }
        if holdout != nil, split != nil { throw ValidationError("use either --split or --holdout") }
        _ = try meanings()
    }

    private func meanings() throws -> [String: Verdict] {
        var meanings: [String: Verdict] = [:]
        for text in label {
            guard let mark = text.lastIndex(of: "="),
                let verdict = Verdict(rawValue: String(text[text.index(after: mark)...]))
            else {
                throw ValidationError("--label \(text): write LABEL=left, right, tie, both_bad or skip")
            }
            meanings[String(text[..<mark])] = verdict
        }
        return meanings
    }

    func run() throws {
        guard let dialect = VoteDialects.named(kind) else { return }
        var options = ImportOptions()
        options.annotator = annotator
        (options.left, options.right, options.prompt, options.question) = (left, right, prompt, question)
        options.labels = try meanings()
        options.groups = group
        let found = try configurationErrors {
            try VoteImport.read(files, dialect, options, split: split, skipsBadRows: onError == .skip)
        }
        var votes = found.votes
        if let holdout { HoldOut.assign(&votes, share: holdout, seed: seed) }
        let lines = votes.map { VoteLine.text($0) }.joined(separator: "\n")
        if let output {
            try FeedbackFile.write(Data((lines + "\n").utf8), to: output)
        } else {
            Console.output(lines)
        }
        if let card {
            let name = files.map { URL(filePath: $0).lastPathComponent }.joined(separator: ", ")
            try FeedbackFile.write(Data(DataCard(name: name, votes: votes, tally: found.tally).markdown.utf8), to: card)
        }
        Console.error(summary(found, votes))
    }

    private func summary(_ found: VoteImport, _ votes: [Vote]) -> String {
        var lines = ["\(found.tally.rows) rows, \(found.tally.read) labels, \(votes.count) votes"]
        lines += found.tally.lines.map { "  \($0.label) -> \($0.outcome): \($0.count)" }
        if found.tally.rowsWithoutLabel > 0 { lines.append("  rows without a label: \(found.tally.rowsWithoutLabel)") }
        if found.skippedRows > 0 {
            lines.append("bad rows passed over: \(found.skippedRows)")
            lines += found.problems.map { "  \($0)" }
        }
        if found.pseudonyms > 0 {
            lines.append("the e-mail addresses of \(found.pseudonyms) annotators were replaced by numbers")
        }
        let check = DataCheck(votes)
        if !check.leakage.sizes.isEmpty {
            let sizes = check.leakage.sizes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            lines.append("splits: \(sizes.joined(separator: ", "))")
        }
        return (lines + check.findings.map { "note: \($0.text)" }).joined(separator: "\n")
    }
}
