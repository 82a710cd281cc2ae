package import Foundation

/// What happens to a run.
package enum RunEvent: Sendable {
    /// Everything that was ready in one turn of the transport.
    case messages([Incoming])
    /// Time has passed; about twenty times a second.
    case tick
    /// Everything that was to be persisted up to this number is on disk.
    case durable(UInt64)
    /// The journal, or a file that people read, can no longer be written.
    case failed(RunEnding)
    case wish(RunWish)
    /// Who has a key of the run from now on.
    case keys([PeerKey])
    /// The keys of these do not count any more.
    case revoked([WorkerID])
}

/// A message to the coordinator.
package struct Incoming: Sendable {
    package var peer: WorkerID
    package var message: Message
    /// An answer names it; 0 = none is expected.
    package var id: UInt64
    /// The epoch that the peer believes in.
    package var epoch: UInt64
    /// The message as it came, for the journal.
    package var frames: [[UInt8]]

    package init(peer: WorkerID, message: Message, id: UInt64 = 0, epoch: UInt64 = 0, frames: [[UInt8]] = []) {
        self.peer = peer
        self.message = message
        self.id = id
        self.epoch = epoch
        self.frames = frames
    }
}

/// What the operator wants.
package enum RunWish: Sendable, Hashable {
    /// A worker, by its name or by its name with its incarnation.
    case drain(String)
    case scale([Role: Int])
    case pause(Bool)
    case stop
    /// Who started the worker has seen its process end: its jobs are handed on at once. The process number is that of
    /// HELLO, so that no successor of the same name is hit.
    /// - Parameter byItself: it failed; else somebody or something ended it, and its job is not to blame.
    case lost(String, pid: Int, byItself: Bool)
}

/// What the world has to do for a run, in this order.
package enum RunEffect: Sendable {
    case persist([JournalEntry], UInt64)
    case send([Outgoing])
    /// The peer has left; what the transport keeps of it may go.
    case forget(WorkerID)
    /// A step's line in the files that people read.
    case record(StepRecord)
    case log(RunLog)
    /// Something changed that a reader of the status waits for.
    case expose
    /// The run is over; nil: with its last step.
    case end(RunEnding?)
}

/// A line of the log.
package struct RunLog: Sendable, Hashable {
    package enum Level: Sendable { case info, warning, critical }

    package var level: Level
    package var message: String
    package var details: [String: String]
}

/// What survives.
package enum JournalEntry: Sendable {
    /// A result: as a value, and as its frames came.
    case result(JobID, worker: String, attempt: Int, JobOutcome, frames: [[UInt8]])
    case duplicate(JobID)
    /// Results that do not count: their jobs are to be done again.
    case withdrawn([JobID], reason: String)
    case step(Int, metrics: Data, ArtifactManifest)
    /// The learner's newest checkpoint on disk has so many steps: batches of steps before it are not needed any more.
    case checkpoint(Int)
    case weights(ArtifactManifest)
    /// Versions of the policy below this one that no step can name any more; version 0 stays.
    case retired(below: Int)
    case event(kind: String, detail: String)
    case meta(key: String, value: String)

    /// Kind of the event that says why answers of a step have no reward: its number, and the last note of a scorer.
    package static let dropped = "dropped"
}

/// What a journal says at a start.
package struct RecoveredRun: Sendable {
    package var epoch: UInt64 = 1
    package var meta: [String: String] = [:]
    package var committedSteps = 0
    /// How many steps the learner's newest checkpoint has; nil in an older journal, which kept no batch of a committed step.
    package var checkpoint: Int?
    /// What the steps since the checkpoint made of the policy: ``ArtifactManifest/weights``, by version.
    package var weights: [Int: String] = [:]
    package var manifests: [ArtifactManifest] = []
    package var trajectories: [JobID: [Trajectory]] = [:]
    package var scores: [JobID: Scores] = [:]

    package init() {}

    /// Key of the journal: how many workers of a role were wished for, and of how many in the run file.
    static func wishKey(_ role: Role) -> String { "wished \(role.rawValue)" }

    /// Key of the journal: a generate job that was given up, as `skipped STEP INDEX`.
    static func skipKey(_ job: JobID) -> String { "\(skipPrefix)\(job.step) \(job.index)" }
    package static let skipPrefix = "skipped "

    /// Generate jobs that were given up.
    var skipped: [JobID] {
        meta.keys.compactMap { key in
            let words = key.split(separator: " ")
            guard words.count == 3, words[0] == "skipped", let step = Int(words[1]), let index = Int(words[2]) else {
                return nil
            }
            return JobID(step: step, index: index, kind: .generate)
        }.sorted()
    }

    /// What the operator last wished, by role. It counts as long as the run file says what it said then.
    var wishes: [Role: (count: Int, of: Int)] {
        Role.allCases.reduce(into: [:]) { wishes, role in
            let numbers = meta[Self.wishKey(role)]?.split(separator: " ").compactMap { Int($0) } ?? []
            if numbers.count == 2 { wishes[role] = (numbers[0], numbers[1]) }
        }
    }
}

/// A committed step as people read it: its figures, and the batch from which samples are kept.
package struct StepRecord: Sendable {
    package var step: Int
    package var figures: [String: Double]
    /// nil when the batch went with an earlier process.
    package var assembly: StepAssembly?

    package init(step: Int, figures: [String: Double], assembly: StepAssembly? = nil) {
        self.step = step
        self.figures = figures
        self.assembly = assembly
    }
}
