import ClusterModel
import Foundation
import Reports
import RunLayout

/// The files of a run directory that people read: `metrics.jsonl` with a line a step, `samples.jsonl` with the first answers
/// of each step, and event files for TensorBoard.
///
/// They are written after the journal's commit. What a crash left out is added at the next start, from the journal.
/// Owned by the coordinator, and used on the socket thread alone.
final class RunFiles {
    private static let samplesKept = 16

    private let layout: RunLayout
    private let weights: [String: Double]
    private var tensorBoard: TensorBoardLog

    /// - Parameters:
    ///   - weights: of the rewards that make up the score.
    ///   - journal: path of the journal, which has what these files may lack.
    /// - Throws: ``RunEnding``
    init(_ directory: URL, weights: [String: Double], journal: String) throws {
        layout = RunLayout(directory)
        self.weights = weights
        do {
            let written = try Self.mend(layout.url(.metrics))
            _ = try Self.mend(layout.url(.samples))
            tensorBoard = try TensorBoardLog(runDirectory: layout.directory)
            for (step, report) in JournalSummary.reports(path: journal, from: written) {
                try append(StepRecord(step: step, figures: RunFigures.numbers(report)))
            }
        } catch {
            throw RunEnding("cannot write the figures of the run in \(layout.directory): \(error)")
        }
    }

    /// Takes out a last line that a crash cut short. Returns how many steps the file has.
    private static func mend(_ file: URL) throws -> Int {
        guard let data = FileManager.default.contents(atPath: file.path(percentEncoded: false)) else { return 0 }
        let newline = UInt8(ascii: "\n")
        if let last = data.last, last != newline {
            let handle = try FileHandle(forWritingTo: file)
            defer { try? handle.close() }
            try handle.truncate(atOffset: UInt64((data.lastIndex(of: newline) ?? -1) + 1))
        }
        let lines = data.split(separator: newline).reversed()
        for line in lines {
            if let step = RunFigures.numbers(line)["step"], let number = Int(exactly: step) { return number + 1 }
        }
        return 0
    }

    private struct Sample: Encodable {
        var step: Int
        var row: Int
        var occurrence: Int
        var sample: Int
        var prompt: String
        var response: String
        var finish: String
        var rewards: [String: Float]
        /// The sum of the rewards times their weights; nil when one of them failed.
        var score: Float?
        /// From the reference, nats (k1); nil where scorers compute none.
        var kl: Float?
    }

    func append(_ record: StepRecord) throws {
        var line: [String: Double] = record.figures.filter { $0.value.isFinite }
        line["step"] = Double(record.step)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try append(encoder.encode(line), to: .metrics)
        try tensorBoard.add(step: record.step, figures: record.figures)
        try tensorBoard.addEvaluations()
        guard let assembly = record.assembly else { return }
        var left = Self.samplesKept
        for job in assembly.jobs.indices where left > 0 {
            let scores = assembly.mergedScores(of: job)
            for (index, item) in (assembly.trajectories[job] ?? []).prefix(left).enumerated() {
                var rewards: [String: Float] = [:]
                for (name, values) in scores.rewards where values.indices.contains(index) {
                    if let value = values[index] { rewards[name] = value }
                }
                // Steps are counted from 1 for people.
                let sample = Sample(
                    step: record.step + 1, row: item.row, occurrence: item.occurrence, sample: item.sample,
                    prompt: item.promptText, response: item.responseText, finish: item.finish.rawValue,
                    rewards: rewards, score: score(rewards), kl: Self.distance(item, scores, index))
                try append(encoder.encode(sample), to: .samples)
                left -= 1
            }
        }
    }

    private func score(_ rewards: [String: Float]) -> Float? {
        guard !weights.isEmpty, weights.keys.allSatisfy({ rewards[$0] != nil }) else { return nil }
        return weights.sorted { $0.key < $1.key }.reduce(0) { $0 + Float($1.value) * (rewards[$1.key] ?? 0) }
    }

    private static func distance(_ item: Trajectory, _ scores: Scores, _ index: Int) -> Float? {
        guard scores.referenceLogProbabilities.indices.contains(index) else { return nil }
        return zip(item.logProbabilities, scores.referenceLogProbabilities[index]).reduce(0) { $0 + $1.0 - $1.1 }
    }

    /// The last held-out figures come behind the last commit.
    func finish() throws { try tensorBoard.addEvaluations() }

    private func append(_ line: Data, to entry: RunLayout.Entry) throws {
        let file = layout.url(entry)
        let path = file.path(percentEncoded: false)
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: nil) else {
                throw RunEnding("cannot make \(path)")
            }
        }
        let handle = try FileHandle(forWritingTo: file)
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: line + Data("\n".utf8))
    }
}
