/// What the run waits for because nobody is here who could do it, and since when.
///
/// Nobody waits in silence: who is missing stands in the status with what to do, and one who keeps jobs waiting for longer
/// than the grace ends the run.
struct Waits: Sendable {
    /// Somebody whom the run needs and who is not here, as its user knows them.
    struct Missing: Sendable, Hashable {
        /// `a reward worker for 'taste'`
        var who: String
        /// `start one from the repository with: ...`
        var remedy: String
        /// nil for a reward worker, which nobody but the user starts.
        var role: Role?
        /// Whether jobs wait for it now.
        var isBlocking = true
    }

    /// In the order in which they are needed.
    private(set) var missing: [Missing] = []
    private var since: [String: Int64] = [:]
    /// Since when jobs have waited without a break.
    private var blockedSince: [String: Int64] = [:]

    func began(_ missing: Missing) -> Int64 { since[missing.who] ?? 0 }

    /// Returns who has kept jobs waiting for longer than the grace.
    mutating func passTime(_ now: [Missing], at time: Int64, grace: Int64) -> Missing? {
        missing = now
        since = now.reduce(into: [:]) { $0[$1.who] = since[$1.who] ?? time }
        blockedSince = now.filter(\.isBlocking).reduce(into: [:]) { $0[$1.who] = blockedSince[$1.who] ?? time }
        return now.first { blockedSince[$0.who].map { time - $0 > grace } ?? false }
    }

    mutating func shift(by gap: Int64) {
        since = since.mapValues { $0 + gap }
        blockedSince = blockedSince.mapValues { $0 + gap }
    }

    /// While a run is paused or ends, nothing is waited for.
    mutating func clear() { self = Waits() }
}
