import Foundation
import Glibc
import Synchronization
import Testing

/// A process that the test started; ended with the value, whatever happens.
///
/// Not Foundation's `Process`: before it starts anything it lists this process's open files, and it reads beyond the end of
/// that list when there are more than 1,360 of them, as there can be while all tests run at once.
final class Running: Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    let pid: Int32
    private let words: [String]
    private let folder: Skein.Folder
    /// What `waitpid` said, once the process has ended.
    private let end = Mutex<Int32?>(nil)

    init(_ executable: String, _ words: [String]) throws {
        self.words = words
        folder = try Skein.Folder()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (stream, name) in [(Int32(1), "output"), (2, "error")] {
            posix_spawn_file_actions_addopen(
                &actions, stream, "\(folder.path)/\(name)", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        // Closing what is not open is no error.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for descriptor in 3..<Int32(min(limit.rlim_cur, 8192)) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // As a shell starts it: nothing is ignored or blocked, whatever another test has set.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var arguments = ([executable] + words).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, executable, &actions, &attributes, &arguments, environ)
        guard result == 0 else {
            throw Failure(description: "cannot start \(executable): \(String(cString: strerror(result)))")
        }
        self.pid = pid
    }

    deinit {
        guard isRunning else { return }
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    var isRunning: Bool { ending == nil }
    var output: String { (try? String(contentsOfFile: folder.path + "/output", encoding: .utf8)) ?? "" }
    var error: String { (try? String(contentsOfFile: folder.path + "/error", encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) { if isRunning { kill(pid, number) } }

    /// Waits for the end; a process that has none after `seconds` is killed, and fails the test.
    func result(within seconds: Double = 300) async throws -> Skein.Result {
        let limit = ContinuousClock.now + .seconds(seconds)
        var isLate = false
        while true {
            // Exit code, or number of the signal.
            if let ending {
                let code = ending & 0x7f == 0 ? (ending >> 8) & 0xff : ending & 0x7f
                return Skein.Result(status: code, output: output, error: error)
            }
            if ContinuousClock.now > limit, !isLate {
                isLate = true
                Issue.record("no end after \(seconds) s: \(words): \(error.suffix(2000))")
                kill(pid, SIGKILL)
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private var ending: Int32? {
        end.withLock { end in
            if end == nil {
                var status: Int32 = 0
                if waitpid(pid, &status, WNOHANG) == pid { end = status }
            }
            return end
        }
    }
}
