package import FeedbackModel
import Foundation
import GRDB
import Synchronization

/// A feedback store: one SQLite file in WAL mode with synchronous FULL.
///
/// One server owns it, by file lock, and writes through a ``FeedbackWriter``. Other processes (invitations, exports, erasure)
/// may read and write beside it. All methods may be called from any thread; they block on the disk.
package final class FeedbackStore: Sendable {
    package let path: String
    let pool: DatabasePool
    private let lock = Mutex<Int32>(-1)

    /// Opens the store and brings its tables up to date.
    ///
    /// - Parameter isNew: whether a store may be made where there is none.
    package init(path: String, isNew: Bool = false) throws {
        self.path = path
        let isThere = FileManager.default.fileExists(atPath: path)
        guard isNew || isThere else {
            throw FeedbackError(
                .notFound, "\(path): there is no feedback store; make one with: skein feedback serve --store \(path)")
        }
        if !isThere {
            // Votes and names are of concern to nobody else on this machine.
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard file >= 0 else {
                throw FeedbackError(.io, "cannot make \(path): \(String(cString: strerror(errno)))")
            }
            close(file)
        }
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            guard !database.configuration.readonly else { return }
            try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            guard try pool.read({ try !FeedbackSchema.migrator.hasBeenSuperseded($0) }) else {
                throw FeedbackError(.invalid, "\(path) was made by a newer Skein; use that one")
            }
            try FeedbackSchema.migrator.migrate(pool)
        } catch let error as FeedbackError {
            throw error
        } catch {
            throw FeedbackError(.io, "cannot open the feedback store \(path): \(error)")
        }
    }

    deinit { lock.withLock { if $0 >= 0 { Foundation.close($0) } } }

    /// Makes this process the one that serves the store, until it ends.
    package func own() throws {
        let name = path + ".lock"
        let file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FeedbackError(.io, "cannot make \(name): \(String(cString: strerror(errno)))") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            Foundation.close(file)
            throw FeedbackError(.inUse, "another server has \(path); stop it first, or give another --store")
        }
        lock.withLock { $0 = file }
    }

    // MARK: - For processes beside the server

    /// Changes the store, and tells a server that has it to read it anew.
    func change<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try wrap {
            try pool.write { database in
                let value = try body(database)
                try database.execute(
                    sql: "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'changes'")
                return value
            }
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try wrap { try pool.read(body) } }

    private func wrap<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as FeedbackError {
            throw error
        } catch {
            throw FeedbackError(.io, "\(path): \(error)")
        }
    }

    static func changes(_ database: Database) throws -> Int64 {
        try Int64.fetchOne(database, sql: "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'changes'") ?? 0
    }

    // MARK: - Settings

    private static let settingsKey = "settings"
    private static let addressKey = "address"

    /// The settings of the project; the defaults where none were stored.
    package func settings() throws -> FeedbackSettings { try read { try Self.settings($0) } }

    static func settings(_ database: Database) throws -> FeedbackSettings {
        guard let text = try meta(settingsKey, database) else { return FeedbackSettings() }
        do {
            return try JSONDecoder().decode(FeedbackSettings.self, from: Data(text.utf8))
        } catch {
            throw FeedbackError(.invalid, "the table meta holds no settings that this Skein knows: \(error)")
        }
    }

    package func set(_ settings: FeedbackSettings) throws {
        if let problem = settings.problem { throw FeedbackError(.invalid, problem) }
        let text = try StoredJSON.text(settings)
        try change { try Self.setMeta(Self.settingsKey, text, $0) }
    }

    /// Where the server was last reached, for links. Not a change that concerns the server.
    package func setAddress(_ url: String) throws {
        try wrap { try pool.write { try Self.setMeta(Self.addressKey, url, $0) } }
    }

    /// Tells this store from others: browsers share cookies among all ports of a host.
    package func identity() throws -> String { try read { try Self.meta("identity", $0) } ?? "" }

    package func address() throws -> String? { try read { try Self.meta(Self.addressKey, $0) } }

    private static func meta(_ key: String, _ database: Database) throws -> String? {
        try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key])
    }

    private static func setMeta(_ key: String, _ value: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            arguments: [key, value])
    }
}

/// A row whose columns have the properties' names with underscores. Decoding throws at a value of another type, where a
/// subscript of GRDB's traps.
protocol StoredRow: Decodable, FetchableRecord {}

extension StoredRow {
    static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
}

/// Values in text columns.
enum StoredJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(_ text: String, _ place: String) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
            throw FeedbackError(.invalid, "\(place) holds what this Skein does not know: \(error)")
        }
    }
}
