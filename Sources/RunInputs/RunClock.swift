import Foundation
import RunLayout

/// The time that chat templates print in a run: when it was started. It is kept in the run directory, so that the same
/// rows come of the same files whenever the run goes on, in every stage and on every machine.
package enum RunClock {
    private struct Kept: Codable { var startedAtLocalTime: Double }

    private static func file(_ directory: String) -> String { RunLayout(directory)[.clock] }

    /// - Parameters:
    ///   - given: a time that was decided before, which a check of a run does without keeping it.
    ///   - isPrinted: whether a template of the run prints a time; if not, the result is nil and nothing is kept.
    ///   - now: kept when the directory has no time yet. Seconds since 1970 in local time.
    /// - Throws: when the file can be neither read nor written.
    package static func time(
        given: Double? = nil, keptIn directory: String, isPrinted: Bool, now: @autoclosure () -> Double
    ) throws -> Double? {
        if let given { return given }
        guard isPrinted else { return nil }
        if !FileManager.default.fileExists(atPath: file(directory)) { try keep(now(), in: directory) }
        return try read(directory)
    }

    /// The time that a run has or, when it has none yet, would have now. Writes nothing: for checks.
    package static func ahead(keptIn directory: String, now: @autoclosure () -> Double) throws -> Double {
        FileManager.default.fileExists(atPath: file(directory)) ? try read(directory) : now()
    }

    private static func read(_ directory: String) throws -> Double {
        try JSONDecoder().decode(Kept.self, from: Data(contentsOf: URL(filePath: file(directory)))).startedAtLocalTime
    }

    /// Whole or not at all; another process of the run may be first, and its time stays.
    private static func keep(_ time: Double, in directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let partial = RunLayout(directory).clockDraft
        defer { unlink(partial) }
        try JSONEncoder().encode(Kept(startedAtLocalTime: time)).write(to: URL(filePath: partial))
        guard link(partial, file(directory)) != 0, errno != EEXIST else { return }
        // A file system without links.
        try FileManager.default.moveItem(atPath: partial, toPath: file(directory))
    }
}
