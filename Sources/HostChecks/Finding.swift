/// One thing that was looked at on a host, and what to do about it.
package struct Finding: Sendable, Equatable, Codable {
    package enum Level: String, Sendable, Codable, CaseIterable {
        /// As it should be.
        case ok
        /// Could not be looked at, or is only worth knowing.
        case note
        /// Works, and will hurt.
        case warning
        /// A run would fail by it.
        case problem
    }

    package var level: Level
    /// `clock`, `memory`
    package var subject: String
    package var says: String
    /// What to do; nil where nothing has to be done.
    package var advice: String?

    package init(_ level: Level, _ subject: String, _ says: String, do advice: String? = nil) {
        self.level = level
        self.subject = subject
        self.says = says
        self.advice = advice
    }

    /// A line for people, and another one for what to do.
    package var lines: String {
        let mark = level.rawValue.padded(to: 8) + subject.padded(to: 13)
        return mark + says + (advice.map { "\n" + "".padded(to: 21) + "-> " + $0 } ?? "")
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

/// Bytes for people.
func words(bytes: Double) -> String {
    for (limit, unit) in [(1e12, "TB"), (1e9, "GB"), (1e6, "MB")] where bytes >= limit {
        let value = bytes / limit
        return value < 10 ? "\((value * 10).rounded() / 10) \(unit)" : "\(Int(value.rounded())) \(unit)"
    }
    return "\(Int((max(0, bytes) / 1e3).rounded())) kB"
}
