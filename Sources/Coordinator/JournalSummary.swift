import Foundation
import GRDB

/// What a journal says about a run that is over.
package enum JournalSummary {
    /// Completed jobs of each kind; `counted`, how often jobs were counted in all, which is their number; `duplicates`,
    /// results that came again and were not. nil when there is no journal.
    package static func jobs(path: String) -> [String: Int]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.readonly = true
        return try? DatabaseQueue(path: path, configuration: configuration).read { database in
            let rows = try Row.fetchAll(
                database,
                sql:
                    "SELECT kind, count(*) AS jobs, sum(counted) AS counted, sum(duplicates) AS again FROM job GROUP BY kind"
            )
            return rows.reduce(into: ["counted": 0, "duplicates": 0]) { sum, row in
                sum[row["kind"]] = row["jobs"]
                sum["counted", default: 0] += row["counted"]
                sum["duplicates", default: 0] += row["again"]
            }
        }
    }

    /// Committed steps; 0 when there is no journal.
    package static func committedSteps(path: String) -> Int {
        value(path) { try Int.fetchOne($0, sql: "SELECT count(*) FROM step") } ?? 0
    }

    /// What the run was made from (``CoordinatorConfiguration/inputs``); nil when there is no journal, or an old one.
    package static func inputs(path: String) -> String? {
        value(path) { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'inputs'") }
    }

    private static func value<Value>(_ path: String, _ query: (Database) throws -> Value?) -> Value? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.readonly = true
        return try? DatabaseQueue(path: path, configuration: configuration).read { try query($0) }
    }
}
