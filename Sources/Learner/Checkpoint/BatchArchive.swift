import AtomicFiles
import ClusterModel
package import Foundation
import PolicyOptimization
import RunLayout

/// A batch that ended a run or was refused, written out for inspection: one JSON line a sample.
package enum BatchArchive {
    private struct Line: Encodable {
        var row: Int
        var occurrence: Int
        var sample: Int
        var prompt: String
        var response: String
        var finish: String
        var promptTokens: [Int32]
        var responseTokens: [Int32]
        var mask: [UInt8]
        var versions: [UInt32]
        var logProbabilities: [Float]
        var reference: [Float]
        var rewards: [String: Float?]
    }

    /// - Parameter step: from 1, as people count.
    /// - Returns: `inspect/step-N.jsonl` in the run directory.
    package static func write(_ samples: [RolloutSample], step: Int, into runDirectory: URL) throws -> URL {
        let layout = RunLayout(runDirectory)
        let file = layout.inspection(step)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // The very numbers that are not finite are what one looks for here.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            try FileManager.default.createDirectory(at: layout.url(.inspection), withIntermediateDirectories: true)
            var data = Data()
            for sample in samples {
                let t = sample.trajectory
                data += try encoder.encode(
                    Line(
                        row: t.row, occurrence: t.occurrence, sample: t.sample, prompt: t.promptText,
                        response: t.responseText, finish: t.finish.rawValue, promptTokens: t.promptTokens,
                        responseTokens: t.responseTokens,
                        mask: t.mask, versions: t.versions, logProbabilities: t.logProbabilities,
                        reference: sample.reference, rewards: sample.rewards))
                data.append(UInt8(ascii: "\n"))
            }
            try AtomicFile.write(data, to: file.path(percentEncoded: false))
        } catch {
            throw LearnerError(.io, "cannot keep the batch of step \(step) for inspection", cause: error)
        }
        return file
    }
}
