import Console
import Foundation
import Supervision
import Synchronization
import Testing

/// Real processes, each a line of shell.
@Suite(.serialized) struct ChildProcessTests {
    private let log = FileManager.default.temporaryDirectory.appending(path: "child-\(UUID().uuidString).log").path

    private func run(
        _ script: String, onStart: @escaping @Sendable (RunningChild) -> Void = { _ in }
    ) async throws -> (end: ChildProcess.End, log: String) {
        defer { try? FileManager.default.removeItem(atPath: log) }
        let end = try await ChildProcess("/bin/sh", ["-c", script], output: .log(log)).run(onStart: onStart)
        return (end, (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }

    @Test func itsOutputIsInTheLogAndItsLastWordsAreKept() async throws {
        try "before\n".write(toFile: log, atomically: true, encoding: .utf8)
        let (end, text) = try await run("echo one; echo 'skein: it is broken' >&2; echo two; exit 3")
        #expect(end.ending == .exit(3) && end.words == "it is broken")
        #expect(text == "before\none\nskein: it is broken\ntwo\n")
    }

    @Test func onlyTheEndOfManyWordsIsKept() async throws {
        let (end, text) = try await run("seq 1 200000; echo '2026 error x: the cause'; seq 1 10")
        #expect(end.words == "2026 error x: the cause")
        #expect(text.count > 1_000_000)
    }

    @Test func aSignalEndsIt() async throws {
        let (end, _) = try await run("exec sleep 600") { $0.send(signal: SIGTERM) }
        #expect(end.ending == .signal(SIGTERM))
    }

    @Test func afterItsEndSignalsGoNowhere() async throws {
        let child = Mutex<RunningChild?>(nil)
        _ = try await run("true") { started in child.withLock { $0 = started } }
        let ended = child.withLock { $0 }
        #expect(ended != nil)
        ended?.send(signal: SIGKILL)
    }

    @Test func itsInputIsOpenAsLongAsItLives() async throws {
        // `read` returns at the end of the input. A shell gives a process in the background another one.
        let (end, text) = try await run("exec 3<&0; (read x <&3; echo closed) & sleep 0.3; echo open; kill $!; exit 0")
        #expect(end.ending == .exit(0) && text == "open\n")
    }

    @Test func whatItIsGivenComesFirstAndItsInputStaysOpen() async throws {
        defer { try? FileManager.default.removeItem(atPath: log) }
        let script = "read x; echo \"got $x\"; exec 3<&0; (read y <&3; echo closed) & sleep 0.3; kill $!; exit 0"
        let end = try await ChildProcess("/bin/sh", ["-c", script], input: "a key\n", output: .log(log)).run()
        #expect(end.ending == .exit(0))
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "got a key\n")
    }

    @Test func whoReadsNothingEndsAsItWould() async throws {
        defer { try? FileManager.default.removeItem(atPath: log) }
        let words = String(repeating: "x", count: 10_000)
        let end = try await ChildProcess("/bin/sh", ["-c", "exit 6"], input: words, output: .log(log)).run()
        #expect(end.ending == .exit(6))
    }

    @Test func whoOutlivesItHoldsNobodyUp() async throws {
        let (end, text) = try await run("sleep 600 & echo $!; exit 4")
        #expect(end.ending == .exit(4))
        if let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) { kill(pid, SIGKILL) }
    }

    @Test func outputThatIsClosedEarlyIsNoEnd() async throws {
        let (end, _) = try await run("exec >/dev/null 2>&1; sleep 0.3; exit 5")
        #expect(end.ending == .exit(5))
    }

    @Test func itInheritsNoBlockedSignalsNoIgnoredOnesAndNoDescriptors() async throws {
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        var (blocked, before) = (sigset_t(), sigset_t())
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        sigaddset(&blocked, SIGUSR2)
        pthread_sigmask(SIG_BLOCK, &blocked, &before)
        signal(SIGUSR1, SIG_IGN)
        defer {
            pthread_sigmask(SIG_SETMASK, &before, nil)
            signal(SIGUSR1, SIG_DFL)
        }
        let (_, text) = try await run("grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd")
        let lines = text.split(separator: "\n").map(String.init)
        let masks = lines.prefix(2).map { UInt64($0.split(separator: "\t").last ?? "", radix: 16) }
        // Those above 31 are the C library's own business.
        #expect(masks.map { $0.map { $0 & 0x7FFF_FFFF } } == [0, 0], "\(text)")
        // Its three, and the one with which `ls` reads the folder.
        #expect(lines.dropFirst(2) == ["0", "1", "2", "3"], "\(text)")
    }

    @Test func whatCannotBeStartedIsNamed() async throws {
        await #expect(throws: CommandError.self) {
            _ = try await ChildProcess("/nowhere/skein", [], output: .log(log)).run()
        }
        await #expect(throws: CommandError.self) {
            _ = try await ChildProcess("/bin/true", [], output: .log("/nowhere/log")).run()
        }
    }

    @Test func aCancellationKillsIt() async throws {
        let (started, continuation) = AsyncStream.makeStream(of: Int32.self)
        let pid = await withTaskGroup(of: Void.self, returning: Int32.self) { group in
            group.addTask { _ = try? await run("exec sleep 600") { continuation.yield($0.pid) } }
            defer { group.cancelAll() }
            for await pid in started { return pid }
            return 0
        }
        #expect(pid > 0 && kill(pid, 0) != 0)
    }
}
