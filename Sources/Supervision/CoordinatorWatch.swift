/// Whether the coordinator of a run makes progress, as looks at its status tell: one that is stopped, or whose loop hangs,
/// lives and shows nothing new. Owned by whoever looks.
///
///     HEARD --(1) a snapshot that is newer than the last--> HEARD
///     HEARD --(2) none, or the same again, for as long as the limit--> SILENT, until (1)
///     any --(3) another process has taken its place--> HEARD
///
/// A look adds no more than it can take, so that nobody counts as silent because this process, or the whole machine, stood
/// still.
package struct CoordinatorWatch: Sendable {
    private static let longestLook: Duration = .seconds(6)

    private let limit: Duration
    private var pid: Int32?
    /// Time of the newest snapshot, by the coordinator's clock.
    private var newest: Int64?
    private var lastLook: Duration?
    private var silence: Duration = .zero

    package init(limit: Duration) { self.limit = limit }

    /// Takes note of a look.
    ///
    /// - Parameters:
    ///   - pid: of the coordinator that says that it listens.
    ///   - snapshot: time of the snapshot that it shows; nil when it does not answer.
    ///   - now: since any fixed moment.
    /// - Returns: true while it is silent.
    package mutating func look(at pid: Int32, snapshot: Int64?, now: Duration) -> Bool {
        defer { lastLook = now }
        guard pid == self.pid else {
            self.pid = pid
            newest = snapshot
            silence = .zero
            return false
        }
        if let snapshot, newest != snapshot {
            newest = snapshot
            silence = .zero
        } else {
            silence += min(now - (lastLook ?? now), Self.longestLook)
        }
        return silence >= limit
    }
}
