/// What the coordinator knows at one moment, as the status endpoint shows it (schema 1; fields are only added).
/// Times are epoch milliseconds, durations seconds.
package struct ClusterSnapshot: Sendable, Codable, Equatable {
    package enum RunState: String, Sendable, Codable {
        case starting = "STARTING"
        case running = "RUNNING"
        case paused = "PAUSED"
        case draining = "DRAINING"
        case done = "DONE"
        case failed = "FAILED"
    }

    package struct Learner: Sendable, Codable, Equatable {
        package var state = "missing"
        package var step = 0
        package var version = 0
        package var lastStepAgeS: Double?
        package var lastStepMs: Int64?
        package var kl: Double?
        package var rewardMean: Double?
        /// Figures of the last step, names as in metrics.jsonl.
        package var metrics: [String: Double] = [:]
        package init() {}
    }

    package struct Queue: Sendable, Codable, Equatable {
        package var pending = 0
        package var leased = 0
        package var retrying = 0
        package var doneTotal = 0
        package var failedTotal = 0
        package var duplicatesTotal = 0
        package var staleTotal = 0
        package var retriesTotal = 0
        package var leaseExpirationsTotal = 0
        package init() {}
    }

    package struct WorkerCounts: Sendable, Codable, Equatable {
        package var desired = 0
        package var ready = 0
        package var busy = 0
        package var draining = 0
        package var suspect = 0
        package var lostTotal = 0
        package init() {}
    }

    package struct Worker: Sendable, Codable, Equatable {
        package var id: String
        package var name: String
        package var role: String
        package var state: String
        package var host: String
        package var pid: Int
        package var build: String
        package var slots: Int
        package var jobs: [String]
        package var version: Int?
        package var tokensPerS: Double
        package var residentBytes: UInt64
        package var lastSeenMs: Int64
        package var joinedMs: Int64
        package var jobsDone: Int

        package init(
            id: String, name: String, role: String, state: String, host: String, pid: Int, build: String, slots: Int,
            jobs: [String], version: Int?, tokensPerS: Double, residentBytes: UInt64, lastSeenMs: Int64,
            joinedMs: Int64, jobsDone: Int
        ) {
            self.id = id
            self.name = name
            self.role = role
            self.state = state
            self.host = host
            self.pid = pid
            self.build = build
            self.slots = slots
            self.jobs = jobs
            self.version = version
            self.tokensPerS = tokensPerS
            self.residentBytes = residentBytes
            self.lastSeenMs = lastSeenMs
            self.joinedMs = joinedMs
            self.jobsDone = jobsDone
        }
    }

    package struct Weights: Sendable, Codable, Equatable {
        package var current = 0
        package var oldestInUse = 0
        package var bytes = 0
        package var lagging: [String] = []
        package init() {}
    }

    package struct Rates: Sendable, Codable, Equatable {
        package var trajectoriesPerS = 0.0
        package var tokensPerS = 0.0
        package var stepsPerMin = 0.0
        package init() {}
    }

    package struct Alarm: Sendable, Codable, Equatable {
        package var code: String
        package var sinceMs: Int64
        package var detail: String
        /// In which it was raised last, from 1.
        package var step: Int
        /// How often it was raised since it began.
        package var times = 1
        /// Whether some steps have been made since without it.
        package var isPast = false

        package init(code: String, sinceMs: Int64, detail: String, step: Int) {
            self.code = code
            self.sinceMs = sinceMs
            self.detail = detail
            self.step = step
        }
    }

    /// Somebody whom the coordinator did not let in, or whose message it did not take.
    package struct Refusal: Sendable, Codable, Equatable {
        /// By its key; an address where it has shown none that is known.
        package var who: String
        package var why: String
        package var count: Int
        package var firstMs: Int64
        package var lastMs: Int64
        package init(who: String, why: String, count: Int, firstMs: Int64, lastMs: Int64) {
            self.who = who
            self.why = why
            self.count = count
            self.firstMs = firstMs
            self.lastMs = lastMs
        }
    }

    /// Who waits for what, since when.
    package struct Wait: Sendable, Codable, Equatable {
        package var who: String
        package var what: String
        package var sinceMs: Int64
        /// What its user can do, where somebody is missing.
        package var remedy: String?
        /// The role that is missing, unless it is a worker of the user's own.
        package var role: String?
        package init(who: String, what: String, sinceMs: Int64, remedy: String? = nil, role: String? = nil) {
            self.who = who
            self.what = what
            self.sinceMs = sinceMs
            self.remedy = remedy
            self.role = role
        }
    }

    package struct Counters: Sendable, Codable, Equatable {
        package var receivedBytes: UInt64 = 0
        package var sentBytes: UInt64 = 0
        package var malformed: UInt64 = 0
        /// Messages that did not arrive as they were sent.
        package var damaged: UInt64 = 0
        package var muted: UInt64 = 0
        package var refused: UInt64 = 0
        /// Connections that did not come about: a key that is not known, or none.
        package var failedHandshakes: UInt64 = 0
        package var tokensGeneratedTotal = 0
        package var journalCommits = 0
        package var journalCommitSeconds = 0.0
        package var journalBytes = 0
        package init() {}
    }

    package var schema = 1
    package var runId: String
    package var name: String
    package var epoch: UInt64
    package var state: RunState
    package var startedMs: Int64
    package var nowMs: Int64
    package var uptimeS: Double
    package var steps: Int
    package var learner = Learner()
    package var queue: [String: Queue] = [:]
    package var workers: [String: WorkerCounts] = [:]
    package var workerList: [Worker] = []
    package var weights = Weights()
    package var rates = Rates()
    package var etaS: Double?
    package var alarms: [Alarm] = []
    package var waits: [Wait] = []
    /// The last ones.
    package var refusals: [Refusal] = []
    package var counters = Counters()

    package init(
        runId: String, name: String, epoch: UInt64, state: RunState, startedMs: Int64, nowMs: Int64, steps: Int
    ) {
        self.runId = runId
        self.name = name
        self.epoch = epoch
        self.state = state
        self.startedMs = startedMs
        self.nowMs = nowMs
        self.steps = steps
        uptimeS = Double(max(0, nowMs - startedMs)) / 1000
    }
}
