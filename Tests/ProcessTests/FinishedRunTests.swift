import Foundation
import Testing

/// The same command again, once every step is committed.
@Suite(.onItsOwnThread) struct FinishedRunTests {
    @Test func aFinishedRunIsUsedAgain() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await run.start().result().status == 0)
        let policy = try run.policy()
        let again = try await run.start().result()
        #expect(again.status == 0 && again.error.contains("used again"), "\(again.error)")
        #expect(try run.policy() == policy)
    }

    /// Ended between the last commit and the export: the learner comes back for that alone.
    @Test func aMissingPolicyIsExportedFromTheLastCheckpoint() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await run.start().result().status == 0)
        let policy = try run.policy()
        try FileManager.default.removeItem(atPath: run.directory + "/policy")
        let again = try await run.start().result()
        #expect(again.status == 0, "\(again.error) \(run.logs())")
        #expect(try run.policy() == policy)
    }
}
