package import ClusterModel
package import Foundation
import RunLayout
package import Transport

/// The rules of a run, and where its files and its socket are.
package struct CoordinatorConfiguration: Sendable {
    package var run = RunSettings()
    package var runDirectory: URL?
    /// Of the rewards that make up the score, for the answers in `samples.jsonl`.
    package var weights: [String: Double] = [:]
    package var journalPath = RunLayout.Entry.journal.rawValue
    /// What the run is made from; kept in the journal from its start, for ``JournalSummary/inputs(path:)``.
    package var inputs = ""
    package var address = "tcp://127.0.0.1:0"
    /// How workers and the learner prove at a tcp address who they are.
    package var security = SocketSecurity.none
    /// Who they may be; that of the socket thread.
    package var roster: (any Roster)?
    /// Who was refused, for the status.
    package var refusals = RefusalLog()
    /// Keys that count at the start; nil where connections have none.
    package var keys: [PeerKey]?

    package init() {}
}
