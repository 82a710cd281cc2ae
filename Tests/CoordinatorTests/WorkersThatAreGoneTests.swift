import Cluster
import ClusterModel
import Foundation
import Logging
import Synchronization
import Testing
import ZeroMQ

@testable import Coordinator

/// A coordinator whose clock the test turns.
@Suite struct WorkersThatAreGoneTests {
    private final class Clock: Sendable {
        private let milliseconds = Mutex<Int64>(1_000_000)
        func now() -> Int64 { milliseconds.withLock { $0 } }
        func advance(_ by: Int64) { milliseconds.withLock { $0 += by } }
    }

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func eventually(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<3000 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    @Test func theStatusForgetsThemAfterAMinute() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coordinator-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = CoordinatorConfiguration()
        configuration.run.prompts = [Prompt(row: 0, text: "a", tokens: [1])]
        configuration.run.promptsPerStep = 1
        configuration.run.leaseMilliseconds = 10_000_000
        configuration.run.graceMilliseconds = 10_000_000
        configuration.journalPath = folder.appending(path: "journal.sqlite").path
        let clock = Clock()
        let (server, client) = (try SocketThread(), try SocketThread())
        defer {
            server.stop()
            client.stop()
        }
        let coordinator = try await Coordinator.start(configuration, on: server, logger: Self.quiet) { clock.now() }
        let link = try await WorkerLink.connect(
            on: client, to: coordinator.address,
            as: WorkerLink.Identity(
                role: .generator, name: "passing", capabilities: Capabilities(kinds: [.generate]), incarnation: 7),
            logger: Self.quiet)
        func states() -> [String] { coordinator.snapshots.current.workerList.map(\.state) }
        #expect(try await eventually { states() == ["joining"] })
        await link.close(reason: "enough")
        #expect(try await eventually { states() == ["gone"] })
        clock.advance(59_000)
        #expect(try await eventually { coordinator.snapshots.current.nowMs == clock.now() })
        #expect(states() == ["gone"])
        clock.advance(1_000)
        #expect(try await eventually { states().isEmpty })
        await coordinator.close()
    }
}
