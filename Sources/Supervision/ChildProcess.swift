import Console
import Foundation
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// A process to be started, and what becomes of it.
///
/// ``run(onStart:)`` is the process's whole life in one structured call: it returns when the process has ended, and a
/// cancellation of its task kills the process. The child inherits no descriptor but its three streams, no blocked and no
/// ignored signal. Its standard input is a pipe that stays open until then, so that it notices the end of this process
/// however that comes (see `ParentWatch`).
package struct ChildProcess: Sendable {
    /// Where the child prints.
    package enum Output: Sendable {
        /// Where this process does.
        case inherited
        /// To the end of a file, both streams together.
        case log(String)
    }

    package struct End: Sendable {
        package var ending: Ending
        /// The last lines that say what went wrong; empty where output is inherited.
        package var words: String
    }

    private let executable: String
    private let arguments: [String]
    /// The first word that the process gets; nil: the path of the executable.
    private let name: String?
    private let output: Output
    /// First on its standard input, such as a key; empty: nothing is ever written there.
    private let input: String
    private let kills: MemoryKills

    package init(
        _ executable: String, _ arguments: [String], name: String? = nil, input: String = "", output: Output
    ) {
        self.init(executable, arguments, name: name, input: input, output: output, kills: .own)
    }

    init(
        _ executable: String, _ arguments: [String], name: String? = nil, input: String = "", output: Output,
        kills: MemoryKills
    ) {
        self.input = input
        self.executable = executable
        self.arguments = arguments
        self.name = name
        self.output = output
        self.kills = kills
    }

    /// - Parameter onStart: told once, when the process runs.
    /// - Throws: ``CommandError`` when it cannot be started, its log cannot be written, or its end cannot be told.
    package func run(onStart: @escaping @Sendable (RunningChild) -> Void = { _ in }) async throws -> End {
        // A child may end before it has read what it is given.
        if !input.isEmpty { Signals.ignoreClosedPipes() }
        let memory = MemoryObserver(kills)
        var end = try await withThrowingTaskGroup(of: End?.self, returning: End.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                await memory.observe()
                return nil
            }
            group.addTask {
                try await start { child in
                    memory.follow(child.pid)
                    onStart(child)
                }
            }
            while let end = try await group.next() { if let end { return end } }
            throw CancellationError()
        }
        if end.ending == .signal(SIGKILL), memory.hasKilled { end.ending = .outOfMemory }
        return end
    }

    private func start(_ onStart: @Sendable (RunningChild) -> Void) async throws -> End {
        let command = Configuration(
            executable: .path(FilePath(executable)),
            arguments: Arguments(executablePathOverride: name, remainingValues: arguments))
        let isStarted = Mutex(false)
        do {
            switch output {
            case .inherited:
                let result = try await Subprocess.run(
                    command, input: .inputWriter, output: .currentStandardOutput, error: .currentStandardError
                ) { execution in
                    // A child that is gone already reads nothing; how it ended is told below.
                    if !input.isEmpty { _ = try? await execution.standardInputWriter.write(input) }
                    await RunningChild.follow(
                        execution,
                        { child in
                            isStarted.withLock { $0 = true }
                            onStart(child)
                        }, {})
                }
                return End(ending: Ending(result.terminationStatus), words: "")
            case .log(let path):
                let log = try Self.open(path)
                defer { try? log.close() }
                var words = LastWords()
                let result = try await Subprocess.run(
                    command, input: .inputWriter, output: .sequence, error: .combinedWithOutput
                ) { execution in
                    // A child that is gone already reads nothing; how it ended is told below.
                    if !input.isEmpty { _ = try? await execution.standardInputWriter.write(input) }
                    await RunningChild.follow(
                        execution,
                        { child in
                            isStarted.withLock { $0 = true }
                            onStart(child)
                        },
                        {
                            // What cannot be read is lost; how the process ends is not.
                            try? await Self.copy(execution.standardOutput, to: log, &words)
                        })
                }
                return End(ending: Ending(result.terminationStatus), words: words.telling())
            }
        } catch let error as SubprocessError {
            let what = isStarted.withLock { $0 } ? "cannot tell how \(executable) ended" : "cannot start \(executable)"
            throw CommandError(.failed, "\(what): \(OpenFiles.areUsedUp ? OpenFiles.remedy : "\(error)")")
        }
    }

    private static func copy(
        _ output: SubprocessOutputSequence, to log: FileHandle, _ words: inout LastWords
    ) async throws {
        for try await part in output {
            let data = part.withUnsafeBytes { Data($0) }
            words.add(data)
            // A full disk loses the log, not the run.
            try? log.write(contentsOf: data)
        }
    }

    private static func open(_ path: String) throws -> FileHandle {
        let file = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw CommandError(.failed, "cannot write the log file \(path): \(String(cString: strerror(errno)))")
        }
        return FileHandle(fileDescriptor: file, closeOnDealloc: true)
    }
}

/// A process that runs. Kept by whoever started it; after the end of the process it does nothing.
package final class RunningChild: Sendable {
    package let pid: Int32
    private let sender: Mutex<(@Sendable (Int32) -> Void)?>

    private init(pid: Int32, _ sender: @escaping @Sendable (Int32) -> Void) {
        self.pid = pid
        self.sender = Mutex(sender)
    }

    package func send(signal number: Int32) { sender.withLock { $0?(number) } }

    /// Lives as long as the process does: the end of this call closes the child's standard input.
    fileprivate static func follow<Input, Output, Error>(
        _ execution: Execution<Input, Output, Error>, _ onStart: (RunningChild) -> Void, _ body: () async -> Void
    ) async {
        let pid = execution.processIdentifier.value
        // It may have ended and not been noticed yet.
        let child = RunningChild(pid: pid) { try? execution.send(signal: Signal(rawValue: $0)) }
        onStart(child)
        await body()
        // A process may close its output long before it ends.
        while !hasEnded(pid) {
            do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
        }
        child.sender.withLock { $0 = nil }
    }

    /// Whether nobody but its parent has to do with it any more; it is left to be waited for.
    private static func hasEnded(_ pid: Int32) -> Bool {
        var information = siginfo_t()
        let result = waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT | WNOHANG)
        return result == 0 ? information.si_signo == SIGCHLD : errno != EINTR
    }
}

extension Ending {
    fileprivate init(_ status: TerminationStatus) {
        switch status {
        case .exited(let code): self = .exit(code)
        case .signaled(let number): self = .signal(number)
        }
    }
}
