import Foundation
import Testing

@testable import Learner

@Suite struct CheckpointStoreTests {
    struct DiskFull: Error {}

    func inTemporaryDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "skein-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    @Test func keepsTheLastFewInOrder() throws {
        try inTemporaryDirectory { root in
            let store = CheckpointStore(directory: root, keep: 3)
            #expect(store.latest() == nil)
            for step in [8, 9, 10, 11, 12] {
                try store.write(step: step) { try Data("\(step)".utf8).write(to: $0.appending(path: "state.json")) }
            }
            #expect(store.all().map(\.step) == [10, 11, 12])
            #expect(store.latest()?.url.lastPathComponent == "step-000012")
        }
    }

    /// The coordinator has the step committed, so that the run itself cannot go back by one.
    @Test func aDamagedCheckpointNamesTheOneToStartFrom() throws {
        try inTemporaryDirectory { root in
            let store = CheckpointStore(directory: root.appending(path: "run/checkpoints"), keep: 4)
            for step in [1, 2, 3] {
                try store.write(step: step) { directory in
                    if step == 1 { try Bench.trainer().saveCheckpoint(to: directory) }
                    if step > 1 { try Data("{".utf8).write(to: directory.appending(path: "state.json")) }
                }
            }
            let error = #expect(throws: LearnerError.self) { try CheckpointFiles.state(in: store.url(step: 3)) }
            #expect(error?.message.contains("skein run --from \(root.path)/run@1") == true, "\(error?.message ?? "")")
            try FileManager.default.removeItem(at: store.url(step: 1))
            let last = #expect(throws: LearnerError.self) { try CheckpointFiles.state(in: store.url(step: 3)) }
            #expect(last?.message.contains("start again with --fresh") == true)
        }
    }

    @Test func aFailedWriteLeavesTheOldOnesAndNothingElse() throws {
        try inTemporaryDirectory { root in
            let store = CheckpointStore(directory: root, keep: 2)
            try store.write(step: 1) { try Data("one".utf8).write(to: $0.appending(path: "state.json")) }
            #expect(throws: LearnerError.self) {
                try store.write(step: 2) { directory in
                    try Data("half".utf8).write(to: directory.appending(path: "policy"))
                    throw DiskFull()
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: root.path) == ["step-000001"])
        }
    }

    @Test func foreignNamesAreIgnored() throws {
        try inTemporaryDirectory { root in
            for name in ["step-x", "step--1", "other", ".step-000009.partial"] {
                try FileManager.default.createDirectory(
                    at: root.appending(path: name), withIntermediateDirectories: true)
            }
            #expect(CheckpointStore(directory: root, keep: 1).all().isEmpty)
        }
    }
}
