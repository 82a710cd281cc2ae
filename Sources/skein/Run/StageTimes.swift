import Console
import Foundation

/// `stages.json`: seconds of each stage, over all commands that worked at it. A stage that was found finished keeps the time
/// that it took when it ran.
struct StageTimes {
    private let path: String
    private var seconds: [String: Double]

    init(in directory: String) {
        path = directory + "/stages.json"
        let data = FileManager.default.contents(atPath: path) ?? Data()
        seconds = (try? JSONDecoder().decode([String: Double].self, from: data)) ?? [:]
    }

    /// - Parameter adds: the stage went on from where it was; else the longer of the two times counts.
    mutating func record(_ stage: String, seconds value: Double, adds: Bool) throws {
        let before = seconds[stage] ?? 0
        seconds[stage] = adds ? before + value : max(value, before)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        do {
            try encoder.encode(seconds).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandError(.failed, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
