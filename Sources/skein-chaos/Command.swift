import Foundation

/// Other programs, run to their end.
enum Command {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Whether this process may mount and make network namespaces.
    static var isRoot: Bool { geteuid() == 0 }

    /// - Returns: what it printed, errors among it.
    @discardableResult
    static func run(_ words: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let said = text.trimmingCharacters(in: .whitespacesAndNewlines)
            throw Failure(description: "\(words.joined(separator: " ")): \(said)")
        }
        return text
    }
}
