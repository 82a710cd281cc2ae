import Console
import Foundation

/// `stages.json`: seconds of each stage. A stage that was found finished keeps the time it took when it ran.
struct StageTimes {
    private let path: String
    private var seconds: [String: Double]

    init(in directory: String) {
        path = directory + "/stages.json"
        let data = FileManager.default.contents(atPath: path) ?? Data()
        seconds = (try? JSONDecoder().decode([String: Double].self, from: data)) ?? [:]
    }

    mutating func record(_ stage: String, seconds value: Double) throws {
        seconds[stage] = max(value, seconds[stage] ?? 0)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        do {
            try encoder.encode(seconds).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandError(.failed, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
