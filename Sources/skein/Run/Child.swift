import Console
import Foundation
import Synchronization

/// One process that the supervisor started. What it prints goes to a log file, and its last words are kept here, where a
/// full disk cannot lose them; its standard input is a pipe that is never written to, so that the child notices the
/// supervisor's end however it comes (see `ParentWatch`).
final class Child: Sendable {
    let name: String
    let logPath: String
    private let process: Process
    private let input = Pipe()
    private let output = Pipe()
    private let words = LastWords()
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
        process.standardOutput = output
        process.standardError = output
        output.fileHandleForReading.readabilityHandler = { [words] handle in
            let data = handle.availableData
            words.add(data)
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                return
            }
            // A full disk loses the log, not the run.
            try? log.write(contentsOf: data)
        }
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
            // What it said last is still on its way; a process of its own that outlives it may keep the pipe open.
            for _ in 0..<50 where !words.isWhole { try? await Task.sleep(for: .milliseconds(10)) }
            return value
        }
        return last.withLock { $0 } ?? .exit(ExitStatus.failed.rawValue)
    }

    func send(signal number: Int32) {
        if process.isRunning { kill(pid, number) }
    }

    /// The last lines that say what went wrong, for the message of the run.
    func lastWords(lines count: Int = 3) -> String {
        let lines = words.text.split(separator: "\n").filter { !$0.isEmpty }
        let own = lines.filter { $0.hasPrefix("skein: ") }
        let telling = own.isEmpty ? lines.filter { $0.contains(" error ") || $0.contains(" critical ") } : own
        guard let last = own.last else {
            return (telling.isEmpty ? lines : telling).suffix(count).joined(separator: "\n")
        }
        // Whoever quotes it says `skein: ` already.
        return String(last.dropFirst(7))
    }
}

/// The end of what a process printed.
private final class LastWords: Sendable {
    private static let kept = 16_384
    private let state = Mutex((data: Data(), isWhole: false))

    /// - Parameter data: empty at the end.
    func add(_ data: Data) {
        state.withLock {
            $0.data = ($0.data + data).suffix(Self.kept)
            if data.isEmpty { $0.isWhole = true }
        }
    }

    var isWhole: Bool { state.withLock { $0.isWhole } }
    var text: String { String(decoding: state.withLock { $0.data }, as: UTF8.self) }
}
