import ClusterModel
import Foundation
import GRDB

@testable import Cluster
@testable import Coordinator

enum SeedJournals {
    private static let job = JobID(step: 0, index: 0, kind: .generate)

    private static func result(_ outcome: JobOutcome, of job: JobID) throws -> [[UInt8]] {
        try Codec.encode(Envelope(epoch: 7, .result(job, attempt: 1, outcome))).compactMap(WireInputs.content)
    }

    /// SQLite's smallest pages, so that the fuzzer meets headers more often than text.
    static func files() throws -> [String: [UInt8]] {
        let path = "\(JournalInputs.folder)/seed.sqlite"
        unlink(path)
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA page_size = 512") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            try database.execute(
                sql: "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        }
        let little = [UInt8](try Data(contentsOf: URL(filePath: path)))
        try queue.writeWithoutTransaction { try $0.execute(sql: "DROP TABLE meta; VACUUM") }
        try JournalSchema.migrate(queue)
        try queue.write { database in
            let frames = try result(.trajectories([SeedMessages.trajectory]), of: job)
            for entry: JournalEntry in [
                .result(job, worker: "g#0000000000000001", attempt: 1, .trajectories([]), frames: frames),
                .weights(SeedMessages.manifest), .meta(key: "run_id", value: "run"),
                .event(kind: "alarm", detail: "kl: high"),
            ] {
                try JournalSchema.insert(entry, database, now: 1)
            }
        }
        try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM") }
        try queue.close()
        let whole = [UInt8](try Data(contentsOf: URL(filePath: path)))
        return [
            "table": little, "journal": whole, "half": Array(whole.prefix(whole.count / 2)),
            "text": Array("no database\n".utf8), "empty": [],
        ]
    }

    /// ``JournalInputs/rows(_:)``
    static var rows: [String: [UInt8]] {
        func integer(_ value: UInt8) -> [UInt8] { [1, value] }
        func text(_ value: String) -> [UInt8] { [4] + Seeds.piece(Array(value.utf8)) }
        func blob(_ value: [UInt8]) -> [UInt8] { [5] + Seeds.piece(value) }
        let largest: [UInt8] = [2] + [UInt8](repeating: 0xFF, count: 7) + [0x7F]
        let frames = (try? result(.trajectories([SeedMessages.trajectory]), of: job)) ?? []
        let row = [1] + integer(0) + integer(0) + text("generate") + integer(0) + [1] + Seeds.frames(frames)
        let manifest = (try? JSONEncoder().encode(SeedMessages.manifest)).map { [UInt8]($0) } ?? []
        return [
            "meta": [0] + text("epoch") + text("6"),
            "epoch": [0] + text("epoch") + text("18446744073709551615"),
            "result": row,
            "step": [2] + integer(0) + integer(1) + blob(Array(#"{"a":1}"#.utf8)),
            "last-step": [2] + largest + integer(1) + blob([]),
            "weights": [3] + text("policy") + integer(0) + text("x") + blob(manifest),
            "event": [4] + integer(1) + text("alarm") + text("kl: high"),
            "job": [5] + integer(0) + integer(0) + text("generate") + integer(0) + text("g") + integer(1) + integer(1)
                + integer(1) + integer(0),
            "kinds": [1, 0, 3] + [UInt8](repeating: 0xFF, count: 8) + text("generate") + text("x") + [0, 4, 1, 0, 65],
        ]
    }
}
