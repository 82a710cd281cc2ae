/// What the run waits for because nobody is here who could do it, and since when. Nobody waits in silence: what is missing
/// for longer than the grace ends the run with its name.
struct Waits: Sendable {
    struct Missing: Sendable, Hashable, Comparable {
        /// `learner`, `generate/0`, `score/1`.
        var key: String
        /// What is missing, as the status shows it.
        var what: String
        /// What is missing and what to do, as the end of the run says it.
        var sentence: String

        static func < (a: Missing, b: Missing) -> Bool { a.key < b.key }
    }

    private(set) var missing: [Missing] = []
    private var since: [String: Int64] = [:]

    func began(_ missing: Missing) -> Int64 { since[missing.key] ?? 0 }

    /// Returns what has been missing for longer than the grace.
    mutating func passTime(_ now: [Missing], at time: Int64, grace: Int64) -> Missing? {
        missing = now.sorted()
        since = missing.reduce(into: [:]) { $0[$1.key] = since[$1.key] ?? time }
        return missing.first { time - began($0) > grace }
    }

    mutating func shift(by gap: Int64) { since = since.mapValues { $0 + gap } }

    /// While a run is paused or ends, nothing is waited for.
    mutating func clear() {
        missing = []
        since = [:]
    }
}
