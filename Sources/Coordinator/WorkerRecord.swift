import Cluster
import ClusterModel

/// What the coordinator knows of one incarnation of a worker. It forgets one that is GONE after a minute.
///
///     (1) HELLO -> JOINING --(2) first credit--> READY <--(3) leases--> BUSY
///     READY, BUSY --(4) drain--> DRAINING --(5) BYE--> GONE
///     any --(6) silent for half a lease--> SUSPECT --(7) heard--> back;  SUSPECT --(8) silent for two leases--> GONE (lost)
struct WorkerRecord {
    enum State: String { case joining, ready, busy, draining, suspect, gone }

    var hello: Hello
    var slots = 0
    var state = State.joining
    var isDraining = false
    var lastSeen: Int64
    var joined: Int64
    /// When it became GONE.
    var left: Int64?
    var report: WorkerReport?
    var loaded: [ArtifactKind: PolicyVersion] = [:]
    var jobsDone = 0
    /// Leases whose result is in the journal's hands but not yet on disk; their slot is still taken.
    var unflushed = 0
}

/// For rates and the remaining time.
struct ProgressFigures {
    var tokens = 0
    var trajectories = 0
    var lastCommit: Int64?
    var commits: [Int64] = []
    var tokenMarks: [(time: Int64, tokens: Int, trajectories: Int)] = []
    var metrics: [String: Double] = [:]
    /// See ``ClusterSnapshot/Learner/dropCause``.
    var dropCause: String?
    var generateStarted: [Int: Int64] = [:]
    var generateEnded: [Int: Int64] = [:]
    var stepTokens: [Int: Int] = [:]
}
