import Cluster
import ClusterModel
import Foundation
import GRDB
import Synchronization
import Testing
import Transport
import ZeroMQ

@testable import Coordinator

/// The journal alone, on a real disk.
@Suite struct JournalTests {
    private static func manifest(_ number: Int) -> ArtifactManifest {
        ArtifactManifest(
            kind: .policy, version: PolicyVersion(epoch: 1, number: number),
            files: [
                ArtifactFile(
                    name: "model.safetensors", size: 500 << 20, sha256: String(repeating: "0a", count: 32),
                    chunkSize: Wire.chunkSize)
            ], sha256: "\(number)", sources: ["tcp://127.0.0.1:1"])
    }

    /// A journal in a folder of its own, and what makes it write and wait.
    private final class Bench {
        private final class Durable: Sendable {
            let number = Mutex<UInt64>(0)
        }

        let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)")
        let journal: Journal
        private let durable = Durable()
        private var number: UInt64 = 0

        init() throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            journal = try Journal(
                path: folder.appending(path: "journal.sqlite").path, now: { 1_000_000 },
                onDurable: { [durable] number in durable.number.withLock { $0 = number } }, onFailure: { _ in })
        }

        deinit {
            journal.close()
            try? FileManager.default.removeItem(at: folder)
        }

        func write(_ entries: [JournalEntry]) throws {
            number += 1
            journal.write(entries, number: number)
            while durable.number.withLock({ $0 }) < number { usleep(200) }
        }
    }

    private static func step(_ step: Int, jobs: Int) throws -> [JournalEntry] {
        var entries: [JournalEntry] = []
        for index in 0..<jobs {
            let id = JobID(step: step, index: index, kind: .generate)
            let frames = try Codec.encode(Envelope(.result(id, attempt: 1, .trajectories([])))).map { frame in
                guard case .bytes(let bytes) = frame else { return [UInt8]() }
                return bytes
            }
            entries.append(.result(id, worker: "generator-0#1", attempt: 1, .trajectories([]), frames: frames))
        }
        entries.append(.duplicate(JobID(step: step, index: 0, kind: .generate)))
        entries.append(.step(step, metrics: Data(#"{"metrics": {"a": 1}}"#.utf8), manifest(step + 1)))
        entries.append(.checkpoint(step))
        entries.append(.retired(below: step + 1))
        return entries
    }

    /// What a restart reads, and what stands in the tables, does not grow with the run; the sums do.
    @Test func tablesAreBoundedAndSumsAreNot() throws {
        let bench = try Bench()
        _ = try bench.journal.start()
        try bench.write([.weights(Self.manifest(0))])
        let steps = JournalSchema.stepsKept + 60
        for step in 0..<steps { try bench.write(try Self.step(step, jobs: 2)) }
        try bench.write((0..<JournalSchema.eventsKept).map { .event(kind: "joined", detail: "\($0)") })
        try bench.write(try Self.step(steps, jobs: 2))

        let recovered = try bench.journal.start()
        #expect(recovered.committedSteps == steps + 1)
        #expect(recovered.manifests.map(\.version.number) == [0, steps + 1])
        // The learner's checkpoint does not have the last step: its batch is kept, and the hash of what it led to.
        #expect(recovered.checkpoint == steps && Set(recovered.trajectories.keys.map(\.step)) == [steps])
        #expect(recovered.weights.keys.sorted() == [steps, steps + 1])
        let jobs = try #require(JournalSummary.jobs(path: bench.journal.path))
        #expect(jobs["generate"] == 2 * (steps + 1) && jobs["counted"] == 2 * (steps + 1))
        #expect(jobs["duplicates"] == steps + 1)
        func rows(_ table: String) throws -> Int {
            try DatabaseQueue(path: bench.journal.path).read {
                try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? -1
            }
        }
        #expect(try rows("job") == 2 * JournalSchema.stepsKept)
        #expect(try rows("event") <= JournalSchema.eventsKept + 5)
        #expect(try rows("weights") == 2)
        #expect(try rows("trajectory") == 2)
        #expect(bench.journal.size < 50 << 20)
    }
}
