import AtomicFiles
import Foundation
import RunLayout

/// `stages.json`: seconds of each stage, over all commands that worked at it. A stage that was found finished keeps the time
/// that it took when it ran.
package struct StageTimes {
    private static let unfinished = " (unfinished)"

    private let path: String
    package private(set) var seconds: [String: Double]

    package init(in directory: String) {
        path = RunLayout(directory)[.stageTimes]
        let data = FileManager.default.contents(atPath: path) ?? Data()
        seconds = (try? JSONDecoder().decode([String: Double].self, from: data)) ?? [:]
    }

    /// - Parameter adds: the stage went on from where it was; else the longer of the two times counts.
    package mutating func record(_ stage: String, seconds value: Double, adds: Bool) throws {
        let before = seconds[stage] ?? 0
        if let part = seconds.removeValue(forKey: stage + Self.unfinished) {
            seconds[stage] = part + value
        } else {
            seconds[stage] = adds ? before + value : max(value, before)
        }
        try write()
    }

    /// What a command did that ended before the stage; whoever finishes it adds the rest.
    package mutating func interrupted(_ stage: String, seconds value: Double) throws {
        seconds[stage + Self.unfinished, default: 0] += value
        try write()
    }

    private func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        do {
            try AtomicFile.write(encoder.encode(seconds), to: path)
        } catch {
            throw CommandError(.failed, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
