import Foundation
import Synchronization

/// A program in a process group of its own, with the signals of a fresh process, that does not outlive its owner.
///
/// A process ends without its children, by SIGKILL above all, and `posix_spawn` cannot ask the kernel for
/// PR_SET_PDEATHSIG. So beside each program there is a shell that reads from a pipe to the owner: when the owner ends in
/// any way, the kernel closes the pipe, and the shell ends the whole group of the program.
///
/// Signals that the owner ignores or blocks are inherited unless they are reset: a scorer handles SIGTERM by a queue and
/// ignores it otherwise, and its program would ignore it too.
final class ProcessGroup: Sendable {
    enum Ending: Equatable { case exit(Int32), signal(Int32) }
    struct NotStarted: Error { var reason: String }

    /// Ignores what is meant for its group alone; the program gets a second between SIGTERM and SIGKILL.
    private static let watch = """
        trap '' INT TERM HUP; read -r line; kill -s TERM -- "-$0" 2>/dev/null && sleep 1; \
        kill -s KILL -- "-$0" 2>/dev/null; exit 0
        """

    let leader: Int32
    private let watcher: Int32
    private let owner = Pipe()
    private let last = Mutex<Ending?>(nil)

    /// - Parameter argv: a program by its path, or by its name in PATH, and its arguments.
    init(_ argv: [String], input: Pipe, output: Pipe, errors: Pipe) throws(NotStarted) {
        let ours = [input.fileHandleForWriting, output.fileHandleForReading, errors.fileHandleForReading]
        for handle in ours + [owner.fileHandleForWriting] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        leader = try Self.spawn(
            argv,
            [
                input.fileHandleForReading.fileDescriptor, output.fileHandleForWriting.fileDescriptor,
                errors.fileHandleForWriting.fileDescriptor,
            ])
        for handle in [input.fileHandleForReading, output.fileHandleForWriting, errors.fileHandleForWriting] {
            try? handle.close()
        }
        do throws(NotStarted) {
            let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
            defer { close(nowhere) }
            watcher = try Self.spawn(
                ["/bin/sh", "-c", Self.watch, "\(leader)"],
                [owner.fileHandleForReading.fileDescriptor, nowhere, nowhere])
        } catch {
            kill(-leader, SIGKILL)
            var status: Int32 = 0
            waitpid(leader, &status, 0)
            throw error
        }
        try? owner.fileHandleForReading.close()
        let (leader, watcher) = (leader, watcher)
        // Blocks in the kernel, which a thread of the concurrency pool must not. Keeps the object until the program ends.
        Thread { self.reap(leader, watcher) }.start()
    }

    /// nil as long as the program runs.
    var ending: Ending? { last.withLock { $0 } }

    /// Sends a signal to the program and to what it started.
    func signal(_ number: Int32) {
        // Under the lock, in which the number of the group is still its own.
        last.withLock { if $0 == nil { kill(-leader, number) } }
    }

    /// Lets the watcher end the group, as when this process ends. For tests.
    func abandon() { try? owner.fileHandleForWriting.close() }

    private func reap(_ leader: Int32, _ watcher: Int32) {
        // Seen before it is reaped: until then no other process or group can have its number.
        var information = siginfo_t()
        while waitid(P_PID, id_t(leader), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        last.withLock { ending in
            // What it started must not outlive it: it would go on with a job that nobody waits for.
            kill(-leader, SIGKILL)
            var status: Int32 = 0
            while waitpid(leader, &status, 0) < 0, errno == EINTR {}
            ending = status & 0x7f == 0 ? .exit((status >> 8) & 0xff) : .signal(status & 0x7f)
            kill(watcher, SIGKILL)
        }
        var status: Int32 = 0
        while waitpid(watcher, &status, 0) < 0, errno == EINTR {}
    }

    /// - Parameter descriptors: what becomes 0, 1 and 2; all others are closed.
    private static func spawn(_ argv: [String], _ descriptors: [Int32]) throws(NotStarted) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (target, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
        }
        // Whoever opened them may have left them open for children.
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
        for descriptor in open.compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var (all, none) = (sigset_t(), sigset_t())
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] =
            ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + environment { free(pointer) } }
        var pid: Int32 = 0
        let code = posix_spawnp(&pid, argv[0], &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw NotStarted(reason: String(cString: strerror(code))) }
        return pid
    }
}
