import ArgumentParser
import AtomicFiles
import Console
import Datasets
import Foundation
import Preferences
import Reports
import VoteFiles

struct FeedbackReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Leaderboard, agreement and annotators of files of votes.",
        discussion: """
            Reads rows of votes as `skein feedback export` and `skein feedback import` write them. Exact repeats are counted \
            once, and nobody is left out unless --exclude names them.
            """)
    @Argument(help: "Files of votes, one a line; packed by gzip or not. - is standard input.") var votes: [String]
    @Option(help: "Also write the report as a page, with intervals and the matrix of wins.") var html: String?
    @Flag(help: "Print every figure as JSON, not rounded.") var json = false
    @Option(name: .long, parsing: .singleValue, help: "Leave out this annotator; may be repeated.")
    var exclude: [String] = []
    @Flag(help: "Let a vote count by its annotator's skill.") var weighted = false
    @Option(help: "The source against which win rates are given; the one with the most battles unless it is named.")
    var baseline: String?
    @Flag(help: "Also rate the sources by each annotator alone.") var eachAnnotator = false
    @Flag(help: "Count exact repeats again.") var keepRepeats = false
    @Option(help: "Decides the shuffled orders of Elo.") var seed: UInt64 = 1

    func validate() throws {
        if votes.isEmpty { throw ValidationError("name a file of votes: skein feedback report VOTES.jsonl") }
    }

    func run() throws {
        let votes = try configurationErrors { try VoteImport.read(self.votes, VoteDialects.own).votes }
        var options = FeedbackAnalysis.Options()
        options.excluded = Set(exclude)
        options.isWeighted = weighted
        options.baseline = baseline
        options.eachAnnotator = eachAnnotator
        options.keepsRepeats = keepRepeats
        options.seed = seed
        try check(votes)
        let report = FeedbackReport(FeedbackAnalysis(votes, options))
        if let html { try FeedbackFile.write(Data(report.html().utf8), to: html) }
        Console.output(json ? String(decoding: try report.json(), as: UTF8.self) : report.text())
        // Not in the output, which may be JSON for a program.
        if let html { Console.error("page: \(html)") }
    }

    /// Names that do not occur would be silently without effect.
    private func check(_ votes: [Vote]) throws {
        let annotators = Set(votes.map(\.annotator))
        for name in exclude where !annotators.contains(name) {
            throw CommandError(
                .usage, "--exclude \(name): no vote is by this annotator; there are: \(Self.some(annotators))")
        }
        guard let baseline else { return }
        let sources = Set(votes.flatMap { [$0.left.source, $0.right.source].compactMap(\.self) })
        guard sources.contains(baseline) else {
            throw CommandError(.usage, "--baseline \(baseline): no such source; there are: \(Self.some(sources))")
        }
    }

    private static func some(_ names: Set<String>) -> String {
        let sorted = names.sorted()
        return sorted.prefix(12).joined(separator: ", ") + (sorted.count > 12 ? ", …" : "")
    }
}

/// Files that the commands write.
enum FeedbackFile {
    static func write(_ data: Data, to path: String) throws {
        do {
            try AtomicFile.write(data, to: path)
        } catch {
            throw CommandError(.failed, "\(error)")
        }
    }
}
