import Foundation
import Testing

@testable import Rewards

/// Programs of rewards end when they should, with what they started.
@Suite(.serialized) struct ProcessGroupTests {
    /// Whether a process is there and is no zombie that nobody reaped.
    private func isAlive(_ pid: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !text.contains(") Z ")
    }

    /// Starts a shell that writes the number of what it started to a file, and waits for that file.
    private func started(_ script: String) async throws -> (process: CommandProcess, file: String, pid: Int32) {
        let file = FileManager.default.temporaryDirectory.appending(path: "skein-group-\(UUID().uuidString)").path
        let process = try CommandProcess(["/bin/sh", "-c", script.replacing("FILE", with: file)])
        while true {
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            if text.hasSuffix("\n"), let pid = Int32(text.dropLast()) { return (process, file, pid) }
            try #require(process.isRunning, "\(process.lastWords)")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// A scorer takes SIGTERM from a queue and ignores it otherwise; a shell cannot trap a signal that was ignored when it
    /// started.
    @Test func signalsThatAreIgnoredHereReachTheProgram() async throws {
        let former = signal(SIGTERM, SIG_IGN)
        defer { signal(SIGTERM, former) }
        let (process, file, _) = try await started(
            "trap 'echo ended > FILE; exit 0' TERM; echo $$ > FILE; while :; do sleep 0.02; done")
        defer { try? FileManager.default.removeItem(atPath: file) }
        process.stop()
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "ended\n")
    }

    /// `run.sh` with a program in it: the signal goes to both, and so does the end of the one who started it.
    @Test(arguments: [false, true]) func whatAProgramStartedEndsWithIt(_ ownerIsGone: Bool) async throws {
        let (process, file, pid) = try await started("sleep 600 & echo $! > FILE; wait")
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(isAlive(pid))
        if ownerIsGone { process.abandon() } else { process.stop() }
        while isAlive(pid) { try await Task.sleep(for: .milliseconds(10)) }
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// One that ends by itself leaves nothing behind either.
    @Test func whatOutlivesItsProgramIsEnded() async throws {
        let (process, file, pid) = try await started("sleep 600 & echo $! > FILE; sleep 0.3")
        defer { try? FileManager.default.removeItem(atPath: file) }
        while isAlive(pid) { try await Task.sleep(for: .milliseconds(10)) }
        #expect(!process.isRunning)
    }
}
