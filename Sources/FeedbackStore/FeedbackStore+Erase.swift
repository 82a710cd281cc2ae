package import FeedbackModel
import GRDB

/// What the erasure of a person removed, and what else holds something of theirs.
package struct Erasure: Sendable, Equatable {
    package struct Export: Sendable, Equatable {
        package var place: String
        package var exportedAt: UnixMilliseconds
        package var sha256: String
        package var rows: Int
    }

    package var pseudonym = ""
    package var acts = 0
    package var texts = 0
    /// Tasks about texts of theirs, which went with them.
    package var tasks = 0
    /// What other people said about those texts.
    package var othersActs = 0
    /// Files outside the store that hold rows of theirs.
    package var exports: [Export] = []
}

extension FeedbackStore {
    /// Removes a person, everything they said and wrote, and what others said about their texts.
    ///
    /// The bytes are overwritten in the file. Exports are not touched: the answer names them.
    package func erase(_ name: String) throws -> Erasure {
        let erasure = try change { database -> Erasure in
            let person = try Self.person(named: name, database)
            var erasure = Erasure(pseudonym: person.pseudonym)
            func count(_ sql: String) throws -> Int {
                try Int.fetchOne(database, sql: sql, arguments: [person.id.value]) ?? 0
            }
            erasure.exports = try ExportRecord.fetchAll(
                database,
                sql: """
                    SELECT place, exported_ms, sha256, rows FROM export
                    JOIN export_person ON export_person.export = export.id WHERE person = ? ORDER BY export.id
                    """,
                arguments: [person.id.value]
            ).map { Erasure.Export(place: $0.place, exportedAt: $0.exportedMs, sha256: $0.sha256, rows: $0.rows) }
            let theirTasks = """
                SELECT task FROM task_answer WHERE answer IN (SELECT id FROM answer WHERE author = ?1)
                UNION SELECT id FROM task WHERE reviews IN (SELECT id FROM act WHERE person = ?1)
                """
            erasure.acts = try count("SELECT count(*) FROM act WHERE person = ?1")
            erasure.texts = try count("SELECT count(*) FROM answer WHERE author = ?1")
            erasure.tasks = try count("SELECT count(*) FROM (\(theirTasks))")
            erasure.othersActs = try count(
                "SELECT count(*) FROM act WHERE person != ?1 AND task IN (\(theirTasks))")
            for sql in [
                "DELETE FROM task WHERE id IN (\(theirTasks))",
                "DELETE FROM answer WHERE author = ?1",
                """
                UPDATE task SET sent_back_to = NULL, sent_back_by = NULL
                WHERE sent_back_to = ?1 OR sent_back_by IN (SELECT id FROM act WHERE person = ?1)
                """,
                "DELETE FROM act WHERE person = ?1",
            ] {
                try database.execute(sql: sql, arguments: [person.id.value])
            }
            try database.execute(sql: "DELETE FROM task_route WHERE name = ?", arguments: [name])
            try database.execute(sql: "DELETE FROM person WHERE id = ?", arguments: [person.id.value])
            return erasure
        }
        // What stood in the log is gone, too.
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        return erasure
    }
}

private struct ExportRecord: StoredRow {
    var place: String, exportedMs: Int64, sha256: String, rows: Int
}
