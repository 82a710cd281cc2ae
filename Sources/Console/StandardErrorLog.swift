import Foundation
package import Logging

/// One line a record on standard error: time, level, label, message, then `key=value` pairs in a fixed order. What others
/// sent cannot add lines or escape sequences.
package struct StandardErrorLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String

    package init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = "\(Date.now.formatted(.iso8601)) \(event.level.rawValue) \(label): " + "\(event.message)".printable
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for key in all.keys.sorted() {
            guard let value = all[key] else { continue }
            line += " \(key)=" + "\(value)".printable
        }
        Console.error(line)
    }
}

extension Logger.Level {
    /// The level that `--log-level` names.
    package static func named(_ name: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandError(.usage, "--log-level \(name): write one of \(names)")
        }
        return level
    }
}

/// A logger for the whole process; it is passed on, never made inside a module.
package func makeLogger(_ label: String, level: Logger.Level = .info) -> Logger {
    Logger(label: label) { StandardErrorLog(label: $0, level: level) }
}
