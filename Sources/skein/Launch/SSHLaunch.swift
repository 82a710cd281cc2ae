import ArgumentParser
import Console
import Foundation
import Launching
import Supervision
import Synchronization

/// A head on this machine and workers on others, as child processes of one task group, which is left when all have ended.
///
/// The workers are started at once: each tries the coordinator's address until somebody answers there. When the head has
/// ended, the coordinator has told them so; whoever is still here after a while loses its session, and with it its input.
struct SSHLaunch: Sendable {
    struct Worker: Sendable {
        var name: String
        var destination: String
        var log: String
        var process: ChildProcess
    }

    private enum Ended: Sendable {
        case head(Result<ChildProcess.End, any Error>)
        case worker(Worker, Result<ChildProcess.End, any Error>)
        case patience
        case signals
    }

    /// The head, once it runs; for the task that passes signals on.
    private final class RunningHead: Sendable {
        let child = Mutex<RunningChild?>(nil)
    }

    /// How long workers have to leave after the head.
    private static let patience: Duration = .seconds(20)

    let head: ChildProcess
    let workers: [Worker]

    /// - Throws: the worst exit code of all, which has been said.
    func run() async throws {
        let running = RunningHead()
        let code = await withTaskGroup(of: Ended.self, returning: Int32.self) { group in
            group.addTask {
                .head(await result { try await head.run { child in running.child.withLock { $0 = child } } })
            }
            group.addTask {
                // The head stops in order, and its coordinator tells the workers.
                for await _ in Signals.stream(Signals.endingOrInterrupt) {
                    running.child.withLock { $0 }?.send(signal: SIGTERM)
                }
                return .signals
            }
            for worker in workers {
                group.addTask { .worker(worker, await result { try await worker.process.run() }) }
            }
            var codes: [Int32] = []
            var left = workers.count
            var isHeadGone = false
            while !isHeadGone || left > 0, let ended = await group.next() {
                switch ended {
                case .head(let end):
                    codes.append(Self.code(end))
                    isHeadGone = true
                    group.addTask {
                        try? await Task.sleep(for: Self.patience)
                        return .patience
                    }
                case .worker(let worker, let end):
                    codes.append(Self.code(end))
                    left -= 1
                    tell(worker, end)
                case .patience:
                    if left > 0 {
                        Console.error("skein: \(left) workers have not left in time: their sessions are closed")
                    }
                    group.cancelAll()
                case .signals: break
                }
            }
            group.cancelAll()
            return ExitCodes.worst(codes)
        }
        guard code == 0 else { throw ExitCode(code) }
    }

    private func result(_ body: () async throws -> ChildProcess.End) async -> Result<ChildProcess.End, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    private static func code(_ end: Result<ChildProcess.End, any Error>) -> Int32 {
        switch end {
        case .success(let end):
            if case .exit(let code) = end.ending { code } else { ExitStatus.failed.rawValue }
        case .failure: ExitStatus.failed.rawValue
        }
    }

    private func tell(_ worker: Worker, _ end: Result<ChildProcess.End, any Error>) {
        let code = Self.code(end)
        guard code != 0 else { return }
        // ssh's own code for a host that it cannot reach, or a session that it has lost.
        let what = code == 255 ? "ssh could not keep a session" : "ended with exit code \(code)"
        let words = (try? end.get())?.words ?? ""
        Console.error(
            "skein: \(worker.name) on \(worker.destination): \(what); see \(worker.log)"
                + (words.isEmpty ? "" : ": \(words)"))
    }
}
