package import Foundation
import Cryptography

/// What a stage or a run was made from: settings and files by name. Equal inputs give equal records and hashes, in every
/// process and at every time.
package struct InputRecord: Sendable, Equatable, Codable {
    /// Settings as JSON with sorted keys, by the key of the run file that holds them.
    package private(set) var settings: [String: String] = [:]
    /// SHA-256 of contents, by the key of the run file and, within a directory, the name of the file.
    package private(set) var files: [String: String] = [:]

    package init() {}

    /// - Parameters:
    ///   - key: of the run file, for messages.
    ///   - value: all of it counts; what does not determine the result is left at its default by the caller.
    package mutating func set(_ key: String, to value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        settings[key] = String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A data file. Its contents count, not its name; a file that is not there leaves no trace.
    package mutating func add(_ key: String, file: String, _ hashes: FileHashes) throws {
        guard FileManager.default.fileExists(atPath: file) else { return }
        files[key] = try hashes.hash(file)
    }

    /// Every file of a Hugging Face directory that matters (``ModelDirectory``). The directory's name does not count.
    package mutating func add(_ key: String, model directory: String, _ hashes: FileHashes) throws {
        for name in ModelDirectory.files(directory) {
            files["\(key): \(name)"] = try hashes.hash("\(directory)/\(name)")
        }
    }

    /// SHA-256 of all of it.
    package var hash: String {
        let hash = SHA256()
        // Each part with its length, so that no two records run together into one text.
        for (kind, entries) in [("settings", settings), ("files", files)] {
            for (name, value) in entries.sorted(by: { $0.key < $1.key }) {
                for part in [kind, name, value] { hash.update("\(part.utf8.count):\(part)") }
            }
        }
        return hash.finish()
    }

    /// Names of what is not equal in the two, sorted.
    package func differences(from other: InputRecord) -> [String] {
        func names(_ mine: [String: String], _ theirs: [String: String]) -> [String] {
            Set(mine.keys).union(theirs.keys).filter { mine[$0] != theirs[$0] }
        }
        return (names(settings, other.settings) + names(files, other.files)).sorted()
    }

    package func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}
