import Cluster
import ClusterModel
import Foundation
import InProcess
import Logging
import Testing
import Transport

@testable import Coordinator

/// A coordinator whose clock the test turns.
@Suite struct WorkersThatAreGoneTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

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
        let network = InProcessNetwork()
        let coordinator = try await Coordinator.start(configuration, on: network.loop(), logger: Self.quiet)
        let link = try await WorkerLink.connect(
            on: network.loop(), to: coordinator.address,
            as: WorkerLink.Identity(
                role: .generator, name: "passing", capabilities: Capabilities(kinds: [.generate]), incarnation: 7),
            logger: Self.quiet)
        func states() -> [String] { coordinator.snapshots.current.workerList.map(\.state) }
        await network.advance(by: .seconds(1))
        #expect(states() == ["joining"])
        await link.close(reason: "enough")
        await network.advance(by: .seconds(1))
        #expect(states() == ["gone"])
        await network.advance(by: .seconds(58))
        #expect(states() == ["gone"])
        await network.advance(by: .seconds(2))
        #expect(states() == [])
        await coordinator.close()
    }
}
