package import Foundation
import PolicyOptimization
import RunLayout

/// The policies as generators pull or map them: `versions/step-000041/`, each whole or absent, written once.
///
/// A checkpoint links to the files of its policy. What no checkpoint links to is not synced: it is there for every process of
/// this machine, and when the machine goes down it is made again from the batches of the journal.
package struct VersionStore: Sendable {
    package let directory: URL

    package init(directory: URL) { self.directory = directory }

    package func url(_ version: Int) -> URL { directory.appending(path: RunLayout.checkpointName(version)) }

    func holds(_ version: Int) -> Bool {
        FileManager.default.fileExists(atPath: url(version).path(percentEncoded: false))
    }

    /// Versions that are there, in order.
    var numbers: [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))) ?? []
        return names.compactMap { RunLayout.checkpointStep($0) }.sorted()
    }

    /// - Parameter body: fills the empty directory it is given.
    /// - Returns: bytes.
    func write(_ version: Int, _ body: (URL) throws -> Void) throws -> Int {
        try replace(version) { partial in
            try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
            try body(partial)
        }
        return LinkedFiles.ownBytes(of: url(version))
    }

    /// Takes the files of a checkpoint.
    func adopt(_ version: Int, from source: URL) throws {
        try replace(version) { try LinkedFiles.link(source, to: $0) }
    }

    private func replace(_ version: Int, _ body: (URL) throws -> Void) throws {
        let final = url(version)
        let partial = RunLayout.partial(final)
        do {
            try? FileManager.default.removeItem(at: partial)
            try body(partial)
            try DurableFiles.replace(final, with: partial, flushed: false)
        } catch {
            try? FileManager.default.removeItem(at: partial)
            throw LearnerError(
                .io,
                "cannot write the policy of step \(version) to \(final.path(percentEncoded: false)); checkpoints are as "
                    + "they were", cause: error)
        }
    }

    /// Removes the others. Whoever has mapped one keeps it.
    func keep(where isKept: (Int) -> Bool) {
        for number in numbers where !isKept(number) { try? FileManager.default.removeItem(at: url(number)) }
    }
}
