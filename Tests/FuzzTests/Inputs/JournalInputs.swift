import ClusterModel
import Foundation
import GRDB

@testable import Cluster
@testable import Coordinator

enum JournalInputs {
    /// Of this process alone, and in memory where the machine has such a folder.
    static let folder: String = {
        let memory = "/dev/shm"
        let root =
            FileManager.default.isWritableFile(atPath: memory) ? memory : FileManager.default.temporaryDirectory.path
        let folder = "\(root)/skein-fuzz-\(getpid())"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }()

    static func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// The folder stays: other inputs use it.
    static func clear() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    private static let now: Int64 = 1_000_000

    private static func isExpected(_ error: any Error) -> Bool { error is RunEnding }

    /// What a coordinator does at its start, and what commands read of a run that is over.
    static func file(_ bytes: [UInt8]) throws {
        let path = "\(folder)/journal.sqlite"
        for ending in ["", "-wal", "-shm", "-journal", ".lock"] { unlink(path + ending) }
        try Data(bytes).write(to: URL(filePath: path))
        read(path)
        try recover(path)
    }

    static func read(_ path: String) {
        _ = JournalSummary.jobs(path: path)
        _ = JournalSummary.committedSteps(path: path)
        _ = JournalSummary.ending(path: path)
        _ = JournalSummary.lastFailure(path: path)
        _ = JournalSummary.alarms(path: path)
        _ = JournalSummary.lastFigures(path: path)
        _ = JournalSummary.dropCause(path: path, step: 1)
        _ = JournalSummary.reports(path: path, from: 0)
        _ = JournalSummary.lastCommit(path: path)
        _ = JournalSummary.inputs(path: path)
    }

    static func recover(_ path: String) throws {
        try Finding.refusing(isExpected) {
            let journal = try Journal(path: path, now: { now }, onDurable: { _ in }, onFailure: { _ in })
            defer { journal.close() }
            try goOn(journal.start()) { journal.write($0, number: $1) }
        }
    }

    private static func goOn(_ recovered: RecoveredRun, _ write: ([JournalEntry], UInt64) -> Void) throws {
        var machine = try RunMachine(MachineInputs.settings, recovered: recovered, at: now)
        for effect in machine.begin() {
            if case .persist(let entries, let number) = effect { write(entries, number) }
        }
        for hello in MachineInputs.peers {
            _ = machine.handle(.messages([Incoming(peer: hello.id, message: .hello(hello), epoch: 0)]), at: now)
        }
        _ = try JSONEncoder().encode(machine.snapshot(at: now))
    }

    /// A journal with good tables, and anything in their columns: SQLite keeps a text where an integer is declared.
    static func rows(_ bytes: [UInt8]) throws {
        let path = "\(folder)/rows.sqlite"
        for ending in ["", "-wal", "-shm", "-journal", ".lock"] { unlink(path + ending) }
        var reader = ByteReader(bytes)
        do {
            try empty.get().write(to: URL(filePath: path))
            let queue = try DatabaseQueue(path: path)
            try queue.write { database in
                while !reader.isEmpty {
                    let table = tables[Int(reader.byte()) % tables.count]
                    let values = table.columns.map { $0 == "payload" ? payload(&reader) : value(&reader) }
                    let marks = values.map { _ in "?" }.joined(separator: ",")
                    try? database.execute(
                        sql: "INSERT INTO \(table.name) (\(table.columns.joined(separator: ","))) VALUES (\(marks))",
                        arguments: StatementArguments(values))
                }
            }
            // As the journal does, whose thread would make this ten times as slow.
            let recovered: RecoveredRun
            do {
                recovered = try queue.write { try JournalSchema.start($0, now: now) }
            } catch {
                read(path)
                return
            }
            try Finding.refusing(isExpected) { try goOn(recovered) { _, _ in } }
            try queue.close()
        }
        read(path)
    }

    /// A journal without rows; its tables take longer to make than to fill.
    private static let empty = Result {
        let path = "\(folder)/empty.sqlite"
        unlink(path)
        let queue = try DatabaseQueue(path: path)
        try JournalSchema.migrate(queue)
        try queue.close()
        return try Data(contentsOf: URL(filePath: path))
    }

    private static let tables: [(name: String, columns: [String])] = [
        ("meta", ["key", "value"]),
        ("trajectory", ["step", "number", "kind", "part", "payload"]),
        ("step", ["step", "committed_ms", "metrics", "weights"]),
        ("weights", ["kind", "version", "sha256", "manifest"]),
        ("event", ["time_ms", "kind", "detail"]),
        (
            "job",
            ["step", "number", "kind", "part", "worker", "attempt", "completed_ms", "counted", "duplicates"]
        ),
    ]

    private static let words = [
        "epoch", "checkpoint", "run_id", "paused", "inputs", "generate", "score", "policy", "alarm", "done", "start",
        "true",
    ]

    private static func value(_ reader: inout ByteReader) -> (any DatabaseValueConvertible)? {
        let kind = reader.byte()
        switch kind % 7 {
        case 0: return nil
        case 1: return Int64(reader.byte() % 4)
        case 2: return Int64(bitPattern: reader.word())
        case 3: return Double(bitPattern: reader.word())
        case 4: return reader.text()
        case 5: return Data(reader.piece())
        default: return words[Int(kind / 7) % words.count]
        }
    }

    private static func payload(_ reader: inout ByteReader) -> (any DatabaseValueConvertible)? {
        if reader.byte() % 8 == 0 { return value(&reader) }
        return JournalPayload.encode(reader.frames())
    }
}
