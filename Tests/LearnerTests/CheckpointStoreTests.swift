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
