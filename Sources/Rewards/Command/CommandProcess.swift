import Foundation
import Synchronization

/// One process with pipes that never block. What it writes to stderr goes to this process's stderr, and its last line is
/// kept for messages.
final class CommandProcess: Sendable {
    /// How long a process has to end after SIGTERM.
    private static let grace: Duration = .seconds(1)
    private static let prepared: Void = {
        // Else a program that closed its input would end the scorer at the next write.
        signal(SIGPIPE, SIG_IGN)
    }()

    private let process: ProcessGroup
    private let input = Pipe()
    private let output = Pipe()
    private let words = Words()

    /// The end of what it wrote to stderr.
    private final class Words: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        var last: [UInt8] { bytes.withLock { $0 } }

        func add(_ piece: ArraySlice<UInt8>) { bytes.withLock { $0 = Array(($0 + piece).suffix(4096)) } }
    }

    init(_ argv: [String]) throws(CommandProblem) {
        _ = Self.prepared
        guard let program = argv.first else { throw CommandProblem.cannotStart("argv is empty") }
        let errors = Pipe()
        do throws(ProcessGroup.NotStarted) {
            process = try ProcessGroup(argv, input: input, output: output, errors: errors)
        } catch {
            throw CommandProblem.cannotStart("cannot start \(program): \(error.reason)")
        }
        for pipe in [input.fileHandleForWriting, output.fileHandleForReading] {
            let flags = fcntl(pipe.fileDescriptor, F_GETFL)
            _ = fcntl(pipe.fileDescriptor, F_SETFL, flags | O_NONBLOCK)
        }
        let words = words
        // A thread and no dispatch source, which must not be there any more when its descriptor is closed.
        Thread { Self.pass(on: errors, words) }.start()
    }

    private static func pass(on errors: Pipe, _ words: Words) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Foundation.read(errors.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            try? FileHandle.standardError.write(contentsOf: Data(buffer.prefix(count)))
            words.add(buffer.prefix(count))
        }
    }

    var isRunning: Bool { process.ending == nil }

    /// The last line that it wrote to stderr: of a traceback, the error.
    var lastWords: String {
        let lines = words.last.split(separator: UInt8(ascii: "\n"))
        let last = lines.last { line in line.contains { $0 > 0x20 } } ?? []
        return String(decoding: last.suffix(200), as: UTF8.self).excerpt().trimmingCharacters(in: .whitespaces)
    }

    /// What its end was, for a message. Waits a moment for it: the pipes close first.
    func end() -> CommandProblem {
        waitForEnd(.milliseconds(300))
        let how =
            switch process.ending {
            case nil: "it closed its output"
            case .exit(let code): "exit code \(code)"
            case .signal(let number): "signal \(number)"
            }
        // What it said last is still on its way through the pipe.
        Thread.sleep(forTimeInterval: 0.05)
        return .ended(how: how, said: lastWords)
    }

    /// Waits until it can be written to or read from.
    func wait(forWriting: Bool, atMost limit: Duration) -> (canWrite: Bool, canRead: Bool) {
        var items = [
            pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: input.fileHandleForWriting.fileDescriptor, events: Int16(POLLOUT), revents: 0),
        ]
        let milliseconds = Int32(clamping: Int64((limit / .milliseconds(1)).rounded(.up)))
        guard poll(&items, forWriting ? 2 : 1, milliseconds) > 0 else { return (false, false) }
        return (forWriting && items[1].revents != 0, items[0].revents != 0)
    }

    /// - Returns: how many bytes went into the pipe.
    func write(_ bytes: ArraySlice<UInt8>) throws(CommandProblem) -> Int {
        let count = bytes.withUnsafeBytes {
            Foundation.write(input.fileHandleForWriting.fileDescriptor, $0.baseAddress, $0.count)
        }
        if count >= 0 { return count }
        switch errno {
        case EAGAIN, EINTR: return 0
        default:
            let ending = end()
            if case .ended = ending, !isRunning { throw ending }
            throw CommandProblem.closedInput(said: lastWords)
        }
    }

    /// - Returns: what is there, nil at the end of its output.
    func read() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = Foundation.read(output.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
        if count > 0 { return Array(buffer.prefix(count)) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? [] : nil
    }

    /// Ends it and what it started, by SIGKILL when SIGTERM is not enough.
    func stop() {
        try? input.fileHandleForWriting.close()
        try? output.fileHandleForReading.close()
        process.signal(SIGTERM)
        waitForEnd(Self.grace)
        process.signal(SIGKILL)
    }

    /// For tests: as if this process ended.
    func abandon() { process.abandon() }

    private func waitForEnd(_ limit: Duration) {
        let end = ContinuousClock.now + limit
        while isRunning, ContinuousClock.now < end { Thread.sleep(forTimeInterval: 0.005) }
    }
}
