import Foundation
import Testing

/// The real executables, as a user runs them.
enum Skein {
    struct Result: Sendable {
        var status: Int32
        var output: String
        var error: String
    }

    /// Beside the test bundle.
    static let executable: URL = {
        var folder = Bundle.module.bundleURL
        while folder.path != "/" {
            let candidate = folder.appending(path: "skein")
            if FileManager.default.isExecutableFile(atPath: candidate.path),
                !folder.lastPathComponent.hasPrefix("Tests")
            {
                return candidate
            }
            folder.deleteLastPathComponent()
        }
        return URL(filePath: "/nowhere/skein")
    }()

    /// Runs a command to its end; a run that hangs is ended and fails the test.
    static func run(_ words: [String], within seconds: Double = 300) async throws -> Result {
        try await Running(executable.path, words).result(within: seconds)
    }

    /// A folder of its own, removed with the value.
    final class Folder: Sendable {
        let path: String
        init() throws {
            path = FileManager.default.temporaryDirectory.appending(path: "skein-test-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        }
    }
}

/// Waits until `condition` gives a value; nil after `seconds`.
func eventually<T>(within seconds: Double = 120, _ condition: () async throws -> T?) async throws -> T? {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if let value = try await condition() { return value }
        try await Task.sleep(for: .milliseconds(50))
    }
    return nil
}
