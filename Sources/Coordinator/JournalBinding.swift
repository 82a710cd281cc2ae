import ClusterModel
import Foundation
import GRDB
import GRDBSQLite

/// Values of a statement that is run once for each result, see ``JournalSchema``.
struct JournalBinding {
    /// SQLite copies what it is given.
    // SAFETY: the value that sqlite3.h defines for SQLITE_TRANSIENT, which is no pointer.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    let statement: SQLiteStatement

    func integer(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(statement, index, value) }
    func text(_ index: Int32, _ value: String) { sqlite3_bind_text(statement, index, value, -1, Self.transient) }

    func blob(_ index: Int32, _ value: Data) {
        _ = value.withUnsafeBytes {
            sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), Self.transient)
        }
    }

    /// Step, number, kind and part, the first four of every statement.
    func job(_ id: JobID) {
        integer(1, Int64(id.step))
        integer(2, Int64(id.index))
        text(3, id.kind.rawValue)
        integer(4, Int64(id.part))
    }
}
