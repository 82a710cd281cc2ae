import ClusterModel
import Foundation
import GRDB

/// What a journal says about a run that is over.
package enum JournalSummary {
    /// Completed jobs of each kind; `counted`, how often jobs were counted in all, which is their number; `duplicates`,
    /// results that came again and were not. nil when there is no journal.
    package static func jobs(path: String) -> [String: Int]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.readonly = true
        return try? DatabaseQueue(path: path, configuration: configuration).read { database in
            let rows = try Row.fetchAll(
                database,
                sql:
                    "SELECT kind, count(*) AS jobs, sum(counted) AS counted, sum(duplicates) AS again FROM job GROUP BY kind"
            )
            var past: [String: Int] = [:]
            for row in try Row.fetchAll(
                database, sql: "SELECT key, value FROM meta WHERE key LIKE ?",
                arguments: [JournalSchema.forgotten + "%"])
            {
                let name: String = try row.read("key", of: "meta")
                let value: String = try row.read("value", of: "meta")
                past[String(name.dropFirst(JournalSchema.forgotten.count))] = Int(value)
            }
            let duplicates = past.removeValue(forKey: "duplicates") ?? 0
            past["counted"] = past.values.reduce(0, +)
            past["duplicates"] = duplicates
            return try rows.reduce(into: past) { sum, row in
                sum[try row.read("kind", of: "job"), default: 0] += try row.number("jobs", of: "job")
                sum["counted", default: 0] += try row.number("counted", of: "job")
                sum["duplicates", default: 0] += try row.number("again", of: "job")
            }
        }
    }

    /// Committed steps; 0 when there is no journal.
    package static func committedSteps(path: String) -> Int {
        value(path) { try Int.fetchOne($0, sql: "SELECT count(*) FROM step") } ?? 0
    }

    /// Jobs that were given up; 0 when there is no journal.
    package static func skippedJobs(path: String) -> Int {
        value(path) {
            try Int.fetchOne(
                $0, sql: "SELECT count(*) FROM meta WHERE key LIKE ?", arguments: ["\(RecoveredRun.skipPrefix)%"])
        } ?? 0
    }

    /// How the last process of the run that wrote the journal ended.
    package enum Ending: String, Sendable {
        /// Its last step is committed.
        case done
        /// Somebody asked for it.
        case stopped
        /// The cause is ``lastFailure(path:)``.
        case failed
        /// It was killed, or is alive.
        case open = "start"
    }

    /// nil when there is no journal.
    package static func ending(path: String) -> Ending? {
        value(path) {
            try String.fetchOne(
                $0,
                sql: """
                    SELECT kind FROM event WHERE kind IN ('done', 'stopped', 'failed', 'start') ORDER BY id DESC LIMIT 1
                    """)
        }.flatMap { Ending(rawValue: $0) }
    }

    /// The cause of the last failure.
    package static func lastFailure(path: String) -> String? {
        value(path) {
            try String.fetchOne($0, sql: "SELECT detail FROM event WHERE kind = 'failed' ORDER BY id DESC LIMIT 1")
        }
    }

    /// Alarms in their order, each with the number of the step that it is about, counted from 1.
    package static func alarms(path: String) -> [(step: Int, code: String, text: String)] {
        value(path) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT detail, (SELECT count(*) FROM event e WHERE e.kind = 'step' AND e.id < event.id) AS made
                    FROM event WHERE kind = 'alarm' ORDER BY id
                    """
            ).map { row in
                let detail: String = try row.read("detail", of: "event")
                let made = try row.number("made", of: "event")
                let code = detail.prefix { $0 != ":" }
                let text = detail.dropFirst(code.count).drop { $0 == ":" || $0 == " " }
                return (RunMachine.lateAlarms.contains(String(code)) ? made : made + 1, String(code), String(text))
            }
        } ?? []
    }

    /// Figures of the last step, as the learner gave them; nil before the first.
    package static func lastFigures(path: String) -> [String: Double]? {
        let data: Data? = value(path) {
            try Data.fetchOne($0, sql: "SELECT metrics FROM step ORDER BY step DESC LIMIT 1")
        }
        return data.flatMap { try? JSONDecoder().decode([String: Double].self, from: $0) }
    }

    /// Why answers of a committed step have no reward, as the last scorer to say so put it; nil when none did.
    package static func dropCause(path: String, step: Int) -> String? {
        value(path) {
            try String.fetchOne(
                $0, sql: "SELECT detail FROM event WHERE kind = ? AND detail LIKE ? ORDER BY id DESC LIMIT 1",
                arguments: [JournalEntry.dropped, "\(step): %"])
        }.map { String($0.dropFirst("\(step): ".count)) }
    }

    /// What the learner said of each committed step from `first` on, as JSON.
    static func reports(path: String, from first: Int) -> [(step: Int, report: Data)] {
        value(path) {
            try Row.fetchAll(
                $0, sql: "SELECT step, metrics FROM step WHERE step >= ? ORDER BY step", arguments: [first]
            )
            .map { (try $0.number("step", of: "step"), try $0.read("metrics", of: "step")) }
        } ?? []
    }

    /// When the last step was committed, in milliseconds of the epoch.
    package static func lastCommit(path: String) -> Int64? {
        value(path) { try Int64.fetchOne($0, sql: "SELECT max(committed_ms) FROM step") }
    }

    /// What the run was made from (``CoordinatorConfiguration/inputs``); nil when there is no journal, or an old one.
    package static func inputs(path: String) -> String? {
        value(path) { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'inputs'") }
    }

    private static func value<Value>(_ path: String, _ query: (Database) throws -> Value?) -> Value? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.readonly = true
        return try? DatabaseQueue(path: path, configuration: configuration).read { try query($0) }
    }
}
