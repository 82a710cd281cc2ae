import Cluster
import ClusterModel
import Foundation
import GRDB
import GRDBSQLite

/// The tables of the journal and what is read from and written to them.
///
/// `job` keeps one row for each job of the last ``stepsKept`` steps: `counted` is 1, and `duplicates` says how often another
/// result came. `trajectory` holds the payload until the learner has a checkpoint behind the step, `weights` what open steps
/// may name, `event` the last ``eventsKept`` events. Only `step` grows with the run, by the figures of each, and by the hash
/// of the weights that it made.
enum JournalSchema {
    static let stepsKept = 1_000
    static let eventsKept = 20_000

    /// SQLite's integers and the protocol's have no more.
    private static let lastEpoch = UInt64(Int64.max) - 1

    static func migrate(_ queue: DatabaseQueue) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                    CREATE TABLE job (
                        step INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL,
                        worker TEXT NOT NULL, attempt INTEGER NOT NULL, completed_ms INTEGER NOT NULL,
                        counted INTEGER NOT NULL DEFAULT 1, duplicates INTEGER NOT NULL DEFAULT 0,
                        PRIMARY KEY (step, number, kind, part)) WITHOUT ROWID;
                    CREATE TABLE trajectory (
                        step INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL,
                        payload BLOB NOT NULL, PRIMARY KEY (step, number, kind, part));
                    CREATE TABLE step (step INTEGER PRIMARY KEY, committed_ms INTEGER NOT NULL, metrics BLOB NOT NULL);
                    CREATE TABLE weights (
                        kind TEXT NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL, manifest BLOB NOT NULL,
                        PRIMARY KEY (kind, version));
                    CREATE TABLE event (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, kind TEXT NOT NULL,
                        detail TEXT NOT NULL);
                    """)
        }
        migrator.registerMigration("2") { database in
            try database.execute(sql: "ALTER TABLE step ADD COLUMN weights TEXT")
        }
        try migrator.migrate(queue)
    }

    static func start(_ database: Database, now: Int64) throws -> RecoveredRun {
        var state = RecoveredRun()
        for row in try Row.fetchAll(database, sql: "SELECT key, value FROM meta") {
            state.meta[try row.read("key", of: "meta")] = try row.read("value", of: "meta")
        }
        // Of no other start, of this run or of another one that had the address before.
        let last = state.meta["epoch"].flatMap { UInt64($0) } ?? 0
        guard last < lastEpoch else {
            throw JournalProblem("the table meta has the epoch \(last), which is the largest there can be")
        }
        state.epoch = max(last + 1, UInt64(clamping: now / 1000))
        try insert(.meta(key: "epoch", value: String(state.epoch)), database, now: now)
        try insert(.event(kind: "start", detail: "epoch \(state.epoch)"), database, now: now)
        if let newest = try Row.fetchOne(database, sql: "SELECT step FROM step ORDER BY step DESC LIMIT 1") {
            state.committedSteps = try newest.number("step", of: "step") + 1
        }
        // A journal from before batches were kept has none.
        state.checkpoint = state.meta[checkpoint].flatMap { Int($0) }.map { min(max(0, $0), state.committedSteps) }
        let first = state.checkpoint ?? state.committedSteps
        for row in try Row.fetchAll(
            database, sql: "SELECT step, weights FROM step WHERE step + 1 >= ? AND weights IS NOT NULL",
            arguments: [first])
        {
            state.weights[try row.number("step", of: "step") + 1] = try row.read("weights", of: "step")
        }
        for row in try Row.fetchAll(database, sql: "SELECT manifest FROM weights ORDER BY kind, version") {
            let blob: Data = try row.read("manifest", of: "weights")
            do {
                state.manifests.append(try JSONDecoder().decode(ArtifactManifest.self, from: blob))
            } catch {
                throw JournalProblem("the table weights holds what is no manifest: \(error)")
            }
        }
        let rows = try Row.fetchAll(
            database, sql: "SELECT step, number, kind, part, payload FROM trajectory WHERE step >= ?",
            arguments: [first])
        for row in rows {
            guard let kind = JobKind(rawValue: try row.read("kind", of: "trajectory")) else { continue }
            let id = try JobID(
                step: row.number("step", of: "trajectory"), index: row.number("number", of: "trajectory"), kind: kind,
                part: row.number("part", of: "trajectory"))
            switch try JournalPayload.decode(row.read("payload", of: "trajectory")) {
            case .trajectories(let items): state.trajectories[id] = items
            case .scores(let scores): state.scores[id] = scores
            case .failed: continue
            }
        }
        return state
    }

    static func insert(_ entry: JournalEntry, _ database: Database, now: Int64) throws {
        switch entry {
        case .result(let id, let worker, let attempt, _, let frames):
            try insert(id, worker, attempt, JournalPayload.encode(frames), database, now)
        case .duplicate(let id):
            try database.cachedStatement(
                sql:
                    "UPDATE job SET duplicates = duplicates + 1 WHERE step = ? AND number = ? AND kind = ? AND part = ?"
            ).execute(arguments: [id.step, id.index, id.kind.rawValue, id.part])
        case .withdrawn(let jobs, let reason):
            for table in ["job", "trajectory"] {
                let statement = try database.cachedStatement(
                    sql: "DELETE FROM \(table) WHERE step = ? AND number = ? AND kind = ? AND part = ?")
                for id in jobs {
                    try statement.execute(arguments: [id.step, id.index, id.kind.rawValue, id.part])
                }
            }
            try insert(.event(kind: "withdrawn", detail: reason), database, now: now)
        case .step(let step, let metrics, let manifest):
            try database.execute(
                sql: "INSERT OR IGNORE INTO step (step, committed_ms, metrics, weights) VALUES (?, ?, ?, ?)",
                arguments: [step, now, metrics, manifest.weights])
            try insert(.weights(manifest), database, now: now)
            try forget(jobsUpTo: step - stepsKept, database)
            try database.execute(
                sql: "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?", arguments: [eventsKept])
            try insert(.event(kind: "step", detail: String(step)), database, now: now)
        case .checkpoint(let steps):
            try insert(.meta(key: checkpoint, value: String(steps)), database, now: now)
            try database.execute(sql: "DELETE FROM trajectory WHERE step < ?", arguments: [steps])
        case .weights(let manifest):
            try database.execute(
                sql: "INSERT OR REPLACE INTO weights (kind, version, sha256, manifest) VALUES (?, ?, ?, ?)",
                arguments: [
                    manifest.kind.rawValue, manifest.version.number, manifest.sha256,
                    try JSONEncoder().encode(manifest),
                ])
        case .retired(let oldest):
            try database.execute(
                sql: "DELETE FROM weights WHERE kind = ? AND version > 0 AND version < ?",
                arguments: [ArtifactKind.policy.rawValue, oldest])
        case .event(let kind, let detail):
            try database.cachedStatement(sql: "INSERT INTO event (time_ms, kind, detail) VALUES (?, ?, ?)")
                .execute(arguments: [now, kind, detail])
        case .meta(let key, let value):
            try database.execute(
                sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", arguments: [key, value])
        }
    }

    /// Key of `meta`: how many steps the learner's newest checkpoint has.
    private static let checkpoint = "checkpoint"

    /// Keys of `meta` begin so: how many jobs of a kind, and duplicates, are no longer in `job`.
    static let forgotten = "forgotten "

    private static func forget(jobsUpTo step: Int, _ database: Database) throws {
        guard step >= 0 else { return }
        for (key, count) in [("kind", "count(*)"), ("'duplicates'", "sum(duplicates)")] {
            try database.execute(
                sql: """
                    INSERT INTO meta (key, value) SELECT ? || \(key), \(count) FROM job WHERE step <= ? GROUP BY \(key)
                    ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + CAST(excluded.value AS INTEGER)
                    """, arguments: [forgotten, step])
        }
        try database.execute(sql: "DELETE FROM job WHERE step <= ?", arguments: [step])
    }

    private static func insert(
        _ id: JobID, _ worker: String, _ attempt: Int, _ payload: Data, _ database: Database, _ now: Int64
    ) throws {
        // No OR IGNORE: a job that is there already must never be counted again, so it is an error.
        try run(
            database,
            "INSERT INTO job (step, number, kind, part, worker, attempt, completed_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"
        ) { bind in
            bind.job(id)
            bind.text(5, worker)
            bind.integer(6, Int64(attempt))
            bind.integer(7, now)
        }
        try run(database, "INSERT INTO trajectory (step, number, kind, part, payload) VALUES (?, ?, ?, ?, ?)") { bind in
            bind.job(id)
            bind.blob(5, payload)
        }
    }

    /// Runs a statement with its values bound by hand: there are two for each result, and boxing every value took as long
    /// as SQLite does.
    private static func run(_ database: Database, _ sql: String, _ bind: (JournalBinding) -> Void) throws {
        let statement = try database.cachedStatement(sql: sql).sqliteStatement
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        bind(JournalBinding(statement: statement))
        guard sqlite3_step(statement) == SQLITE_DONE else {
            throw DatabaseError(
                resultCode: database.lastErrorCode, message: database.lastErrorMessage, sql: sql)
        }
    }
}
