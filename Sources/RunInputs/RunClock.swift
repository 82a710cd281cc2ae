import Foundation

/// The time that chat templates print in a run: when it was started. It is kept in the run directory, so that the same
/// rows come of the same files whenever the run goes on, in every stage and on every machine.
package enum RunClock {
    private struct Kept: Codable { var startedAtLocalTime: Double }

    /// - Parameters:
    ///   - isPrinted: whether a template of the run prints a time; else there is none to keep.
    ///   - now: kept when the directory has no time yet. Seconds since 1970 in local time.
    /// - Throws: when the file can be neither read nor written.
    package static func time(
        keptIn directory: String, isPrinted: Bool, now: @autoclosure () -> Double
    ) throws -> Double? {
        guard isPrinted else { return nil }
        let file = URL(filePath: "\(directory)/clock.json")
        if !FileManager.default.fileExists(atPath: file.path) {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let data = try JSONEncoder().encode(Kept(startedAtLocalTime: now()))
            // Another process of the run may be first.
            do { try data.write(to: file, options: .withoutOverwriting) } catch CocoaError.fileWriteFileExists {}
        }
        return try JSONDecoder().decode(Kept.self, from: Data(contentsOf: file)).startedAtLocalTime
    }
}
