import Console
import Foundation
import Synchronization

/// One process that the supervisor started. Its standard error goes to a log file; its standard input is a pipe that
/// is never written to, so that the child notices the supervisor's end however it comes (see `ParentWatch`).
final class Child: Sendable {
    let name: String
    let logPath: String
    let started = ContinuousClock.now
    private let process: Process
    private let input: Pipe
    private let ending: AsyncStream<Ending>
    private let last = Mutex<Ending?>(nil)

    enum Ending: Sendable, Equatable, CustomStringConvertible {
        case exit(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .exit(let code): "exit code \(code)"
            case .signal(let number): "signal \(number)"
            }
        }
    }

    init(name: String, executable: String, arguments: [String], logPath: String) throws {
        self.name = name
        self.logPath = logPath
        process = Process()
        input = Pipe()
        let (stream, continuation) = AsyncStream.makeStream(of: Ending.self)
        ending = stream
        if !FileManager.default.fileExists(atPath: logPath) {
            _ = FileManager.default.createFile(atPath: logPath, contents: nil)
        }
        guard let log = FileHandle(forWritingAtPath: logPath) else {
            throw CommandError(.failed, "cannot write the log file \(logPath)")
        }
        try log.seekToEnd()
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = log
        process.standardError = log
        process.terminationHandler = { process in
            let status = process.terminationStatus
            continuation.yield(process.terminationReason == .exit ? .exit(status) : .signal(status))
            continuation.finish()
        }
        do {
            try process.run()
        } catch {
            throw CommandError(.failed, "cannot start \(executable): \(error.localizedDescription)")
        }
    }

    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// Waits for the end; only one caller may wait.
    func wait() async -> Ending {
        for await value in ending {
            last.withLock { $0 = value }
            return value
        }
        return last.withLock { $0 } ?? .exit(ExitStatus.failed.rawValue)
    }

    func send(signal number: Int32) {
        if process.isRunning { kill(pid, number) }
    }

    /// The last lines of the log that say what went wrong, for the message of the run.
    func lastWords(lines count: Int = 3) -> String {
        guard let handle = FileHandle(forReadingAtPath: logPath), let end = try? handle.seekToEnd() else { return "" }
        try? handle.seek(toOffset: end > 16_384 ? end - 16_384 : 0)
        let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { !$0.isEmpty }
        let telling = lines.filter { $0.contains(" error ") || $0.contains(" critical ") || $0.hasPrefix("skein") }
        return (telling.isEmpty ? lines : telling).suffix(count).joined(separator: "\n")
    }
}
