import Foundation
import Synchronization

/// One `skein run` as a user calls it, with what it prints in a file.
final class SkeinRun: Sendable {
    struct Ending: Sendable {
        var status: Int32
        var bySignal: Bool
        /// The last line that it printed.
        var words: String
        var isGood: Bool { status == 0 && !bySignal }
    }

    private let process = Process()
    let began = ContinuousClock.now
    private let log: String

    /// - Parameters:
    ///   - executable: path of `skein`.
    ///   - log: what it prints is added to this file.
    init(_ executable: String, file: String, log: String) throws {
        self.log = log
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: log) else {
            throw Command.Failure(description: "cannot write \(log)")
        }
        try handle.seekToEnd()
        process.executableURL = URL(filePath: executable)
        process.arguments = ["run", file]
        // Faults of the network are to hit weights too.
        process.environment = ProcessInfo.processInfo.environment.merging(["SKEIN_PULL_EVERYTHING": "1"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
    }

    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// Valid when it is over.
    var ending: Ending {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        let last = text.split(whereSeparator: \.isNewline).last { $0.contains("skein: ") } ?? ""
        return Ending(
            status: process.terminationStatus, bySignal: process.terminationReason == .uncaughtSignal,
            words: String(last))
    }

    /// Ends it in order, and by force if that takes too long. Its children notice.
    func stop() {
        guard isRunning else { return }
        kill(pid, SIGTERM)
        wait(atMost: 60)
        if isRunning { kill(pid, SIGKILL) }
        wait(atMost: 10)
    }

    func wait(atMost seconds: Double) {
        let end = ContinuousClock.now + .seconds(seconds)
        while isRunning, ContinuousClock.now < end { usleep(20_000) }
    }
}
