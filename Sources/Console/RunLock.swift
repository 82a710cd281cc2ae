import Foundation
import RunLayout
import Synchronization

/// Who may write into a run directory: one command at a time, with the processes that it started.
///
///     run.lock        held alone by the command: skein run, a stage called by hand, skein coordinator
///     processes.lock  shared by the processes that a command started; the next command waits until they have ended too,
///                     since after a kill -9 of the command they still need a moment
///
/// The kernel gives a lock back when its process ends, however that comes; the files stay, and mean nothing by
/// themselves.
package final class RunLock: Sendable {
    /// A command that has a directory. Its description is `process 123 (skein run)`.
    package struct Owner: Sendable, CustomStringConvertible {
        package let pid: Int32
        /// nil: this machine.
        package let host: String?
        package let command: String

        package var description: String { "process \(pid)\(host.map { " on \($0)" } ?? "") (\(command))" }
    }

    /// A process whose parent is gone ends within 20 seconds (``ParentWatch``).
    private static let patience: Duration = .seconds(25)

    private let files: Mutex<[Int32]>
    /// Of the file that is locked.
    private let path: String

    private init(_ file: Int32, _ path: String) {
        files = Mutex([file])
        self.path = path
    }

    deinit { release() }

    /// For a command. Nothing in the directory may be touched before.
    ///
    /// - Parameters:
    ///   - directory: must exist.
    ///   - command: for the message to whoever comes second.
    /// - Throws: status `tryAgain` when another command has the directory.
    package static func take(_ directory: String, for command: String) throws -> RunLock {
        let path = RunLayout(directory)[.commandLock]
        let file = try open(path)
        let lock = RunLock(file, path)
        guard try acquire(file, LOCK_EX) else {
            throw CommandError(
                .tryAgain,
                """
                \(directory) is in use by \(owner(file).map { "\($0)" } ?? "another process"); wait for its end, or stop it, and call \
                again
                """)
        }
        write("\(getpid()) \(host) \(command)\n", to: file)
        try waitForProcesses(directory)
        return lock
    }

    /// For a process that a command started, which has the directory itself. Held until the process ends.
    package static func join(_ directory: String) throws -> RunLock {
        let path = RunLayout(directory)[.processesLock]
        let file = try open(path)
        let lock = RunLock(file, path)
        // Only a command that is about to start could have it alone, and it does not keep it.
        for _ in 0..<100 {
            if try acquire(file, LOCK_SH) { return lock }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw CommandError(.tryAgain, "\(directory) is being taken over by another command")
    }

    /// Who works in a directory now; nil when nobody does.
    package static func owner(of directory: String) -> Owner? {
        let file = Foundation.open(RunLayout(directory)[.commandLock], O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // The lock is tried only while its owner lives, so that a command that comes now does not find it taken.
        guard let owner = owner(file), flock(file, LOCK_SH | LOCK_NB) != 0 else { return nil }
        return owner
    }

    /// Whether what is locked is still what stands at its path. When the directory was removed, or another one is in its
    /// place, the lock keeps nobody out any more. What cannot be looked at counts as being there.
    package var isInPlace: Bool {
        files.withLock { files in
            guard let file = files.first else { return true }
            var held = stat()
            guard fstat(file, &held) == 0 else { return true }
            var found = stat()
            guard stat(path, &found) == 0 else { return errno != ENOENT && errno != ENOTDIR }
            return held.st_dev == found.st_dev && held.st_ino == found.st_ino
        }
    }

    /// Gives the locks back before the process ends.
    package func release() {
        files.withLock { files in
            for file in files { close(file) }
            files = []
        }
    }

    private static func waitForProcesses(_ directory: String) throws {
        let file = try open(RunLayout(directory)[.processesLock])
        defer { close(file) }
        let end = ContinuousClock.now + patience
        var hasSaid = false
        while try !acquire(file, LOCK_EX) {
            guard ContinuousClock.now < end else {
                throw CommandError(
                    .tryAgain,
                    """
                    processes of an earlier command still work in \(directory); find them with: \
                    fuser \(RunLayout(directory)[.processesLock]); stop them and call again
                    """)
            }
            if !hasSaid { Console.error("waiting for the processes of an earlier command in \(directory) to end") }
            hasSaid = true
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    private static func open(_ path: String) throws -> Int32 {
        let file = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw CommandError(.failed, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        return file
    }

    /// - Returns: false when another process has it.
    private static func acquire(_ file: Int32, _ kind: Int32) throws -> Bool {
        while flock(file, kind | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            // Some network file systems have no locks; there nobody can be asked.
            case ENOLCK, ENOSYS, ENOTSUP: return true
            default: throw CommandError(.failed, "cannot lock the run directory: \(String(cString: strerror(errno)))")
            }
        }
        return true
    }

    private static func write(_ text: String, to file: Int32) {
        guard ftruncate(file, 0) == 0 else { return }
        _ = text.withCString { pwrite(file, $0, strlen($0), 0) }
    }

    /// What the owner wrote of itself; nil when that was somebody before it.
    private static func owner(_ file: Int32) -> Owner? {
        var bytes = [UInt8](repeating: 0, count: 400)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count > 2, let pid = Int32(words[0]) else { return nil }
        let isHere = words[1] == host
        if isHere, kill(pid, 0) != 0, errno == ESRCH { return nil }
        return Owner(
            pid: pid, host: isHere ? nil : String(words[1]), command: words.dropFirst(2).joined(separator: " "))
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
