import ClusterModel
import Foundation

/// `metrics.jsonl` and `samples.jsonl` of the run directory: a line a step, and the first answers of each step.
enum RunFiles {
    private static let samplesKept = 16

    private struct Sample: Encodable {
        var step: Int
        var row: Int
        var occurrence: Int
        var sample: Int
        var prompt: String
        var response: String
        var finish: String
        var rewards: [String: Float]
    }

    /// Appends after the journal's commit. A step that is in the file already (a crash came between) is not repeated.
    static func append(_ record: StepRecord, to directory: URL?) throws {
        guard let directory else { return }
        var line: [String: Double] = record.figures.filter { $0.value.isFinite }
        line["step"] = Double(record.step)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try append(encoder.encode(line), to: directory.appending(path: "metrics.jsonl"))
        guard let assembly = record.assembly else { return }
        var left = samplesKept
        for job in assembly.jobs.indices where left > 0 {
            let scores = assembly.mergedScores(of: job)
            for (index, item) in (assembly.trajectories[job] ?? []).prefix(left).enumerated() {
                var rewards: [String: Float] = [:]
                for (name, values) in scores.rewards where values.indices.contains(index) {
                    if let value = values[index] { rewards[name] = value }
                }
                let sample = Sample(
                    step: record.step, row: item.row, occurrence: item.occurrence, sample: item.sample,
                    prompt: item.promptText, response: item.responseText, finish: item.finish.rawValue,
                    rewards: rewards)
                try append(encoder.encode(sample), to: directory.appending(path: "samples.jsonl"))
                left -= 1
            }
        }
    }

    private static func append(_ line: Data, to file: URL) throws {
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
