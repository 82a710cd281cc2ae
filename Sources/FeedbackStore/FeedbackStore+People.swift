import Cryptography
package import FeedbackModel
import GRDB

/// A person as the store knows them.
package struct PersonRecord: Sendable, Equatable {
    package var id: PersonID
    package var name: String
    package var pseudonym: String
    package var isLead: Bool
    package var isActive: Bool
    package var consentedAt: UnixMilliseconds?

    static func all(_ database: Database, where condition: String = "1", _ arguments: StatementArguments = [])
        throws -> [PersonRecord]
    {
        try PersonRow.fetchAll(
            database,
            sql: """
                SELECT id, name, pseudonym, is_lead, link_hash IS NOT NULL AS is_active, consented_ms FROM person
                WHERE \(condition) ORDER BY id
                """,
            arguments: arguments
        ).map { row in
            PersonRecord(
                id: PersonID(row.id), name: row.name, pseudonym: row.pseudonym, isLead: row.isLead,
                isActive: row.isActive, consentedAt: row.consentedMs)
        }
    }
}

private struct PersonRow: StoredRow {
    var id: Int64, name: String, pseudonym: String, isLead: Bool, isActive: Bool, consentedMs: Int64?
}

extension FeedbackStore {
    /// Bytes of a secret: 256 bits.
    private static let secretSize = 32

    private static func secret() -> String { Hexadecimal.text(Secrets.randomBytes(secretSize)) }
    /// A secret has so many bits that its plain hash cannot be turned back.
    private static func hash(_ secret: String) -> String { SHA256.hash(.init(secret.utf8)) }

    /// Makes a personal link. A person who had one gets another, and the old one is void.
    ///
    /// - Returns: the secret of the link, which is stored nowhere.
    package func invite(_ name: String, isLead: Bool, at now: UnixMilliseconds) throws -> String {
        guard !name.isEmpty, name.utf8.count <= 100, !name.contains(where: \.isNewline) else {
            throw FeedbackError(.invalid, "a name has 1 to 100 bytes on one line")
        }
        let secret = Self.secret()
        try change { database in
            try database.execute(
                sql: """
                    INSERT INTO person (name, pseudonym, link_hash, is_lead, invited_ms) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET link_hash = excluded.link_hash, revoked_ms = NULL,
                        is_lead = excluded.is_lead
                    """,
                arguments: [name, "a-" + Hexadecimal.text(Secrets.randomBytes(6)), Self.hash(secret), isLead, now])
            let id = try Self.person(named: name, database).id
            try database.execute(sql: "DELETE FROM session WHERE person = ?", arguments: [id.value])
        }
        return secret
    }

    /// Makes the link and all sessions of a person void. What they did stays.
    package func revoke(_ name: String, at now: UnixMilliseconds) throws {
        try change { database in
            let person = try Self.person(named: name, database)
            try database.execute(
                sql: "UPDATE person SET link_hash = NULL, revoked_ms = ? WHERE id = ?",
                arguments: [now, person.id.value])
            try database.execute(sql: "DELETE FROM session WHERE person = ?", arguments: [person.id.value])
            // What they held goes round.
            try database.execute(
                sql: "UPDATE lease SET end = 'returned', ended_ms = ? WHERE person = ? AND end IS NULL",
                arguments: [now, person.id.value])
        }
    }

    package func people() throws -> [PersonRecord] {
        try read { try PersonRecord.all($0) }
    }

    static func person(named name: String, _ database: Database) throws -> PersonRecord {
        guard
            let person = try PersonRecord.all(database, where: "name = ?", [name]).first
        else {
            let names = try String.fetchAll(database, sql: "SELECT name FROM person ORDER BY name LIMIT 20")
            let known = names.isEmpty ? "nobody was invited yet" : "known are: \(names.joined(separator: ", "))"
            throw FeedbackError(.notFound, "there is no person '\(name)'; \(known)")
        }
        return person
    }

    // MARK: - Sessions

    /// Exchanges the secret of a link for that of a session.
    ///
    /// - Returns: nil when the link is not valid.
    package func signIn(link: String, at now: UnixMilliseconds) throws -> (person: PersonID, session: String)? {
        let session = Self.secret()
        return try wrapWrite { database in
            guard
                let id = try Int64.fetchOne(
                    database, sql: "SELECT id FROM person WHERE link_hash = ?", arguments: [Self.hash(link)])
            else { return nil }
            try database.execute(
                sql: "INSERT INTO session (hash, person, created_ms) VALUES (?, ?, ?)",
                arguments: [Self.hash(session), id, now])
            return (PersonID(id), session)
        }
    }

    /// How long a session lasts; then the link is opened again.
    private static let sessionDays: Int64 = 30

    /// - Returns: nil when there is no such session, or its link was revoked.
    package func person(session: String, at now: UnixMilliseconds) throws -> PersonID? {
        try read { database in
            try Int64.fetchOne(
                database,
                sql: """
                    SELECT person FROM session JOIN person ON person.id = session.person
                    WHERE hash = ? AND created_ms > ? AND link_hash IS NOT NULL
                    """,
                arguments: [Self.hash(session), now - Self.sessionDays * 86_400_000]
            ).map { PersonID($0) }
        }
    }

    package func signOut(session: String) throws {
        try wrapWrite { database in
            try database.execute(sql: "DELETE FROM session WHERE hash = ?", arguments: [Self.hash(session)])
        }
    }
}
