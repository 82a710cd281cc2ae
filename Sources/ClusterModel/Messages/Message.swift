package import Foundation

/// Everything that crosses the wire, as values.
package enum Message: Sendable {
    // Worker to coordinator
    case hello(Hello)
    case credit(slots: Int)
    case renewal([RenewedJob])
    case result(JobID, attempt: Int, JobOutcome)
    case loaded(ArtifactKind, PolicyVersion)
    case bye(reason: String)
    case report(WorkerReport)
    case alarm(code: String, detail: String)
    // Coordinator to worker
    case welcome(Welcome)
    case refused(code: String, message: String)
    /// At least one; and what is acknowledged besides, to one whose HELLO says that it takes that.
    case lease([Grant], acknowledged: [Acknowledgement] = [])
    case cancel(JobID, attempt: Int, reason: String)
    /// At least one.
    case resultAck([Acknowledgement])
    case drain
    case artifact(ArtifactManifest)
    case stop(reason: String, exitCode: Int)
    case pause(Bool)
    /// To the learner: everybody who may pull from it. The last one counts.
    case peers([PeerKey])
    // Learner and coordinator
    /// `checkpoint`: how many steps the learner's newest checkpoint on disk has; nil: those of every step that it commits.
    case publish([ArtifactManifest], checkpoint: Int? = nil)
    /// So many steps are committed. Those since the checkpoint are repeated from the journal.
    case publishAck(committed: Int)
    case batchRequest(step: Int)
    case batchReady(step: Int, jobs: Int)
    case fetchJobs(step: Int, first: Int)
    /// Jobs `first`, `first + 1`, ... of the batch.
    case batchJobs(step: Int, first: Int, [BatchJob])
    case commit(step: Int, metrics: Data, ArtifactManifest, checkpoint: Int? = nil)
    case commitAck(step: Int)
    // Puller and source of artifacts
    case chunkRequest(ChunkPlace)
    /// Without bytes: this source does not hold the file.
    case chunk(ChunkPlace, bytes: (any ChunkBytes)?)
}

extension Message {
    /// Code of the alarm by which the learner's guard asks for a pause until the operator resumes.
    package static let pausingAlarm = "paused"
    /// Reason of the BYE of a learner that has exported the policy of a finished run.
    package static let finished = "done"
}

/// Somebody with a key, as the coordinator tells the learner of it.
package struct PeerKey: Sendable, Hashable {
    package var role: String
    package var name: String
    /// 32 bytes.
    package var key: Data

    package init(role: String, name: String, key: Data) {
        self.role = role
        self.name = name
        self.key = key
    }
}

/// Bytes of a chunk, in whatever form the transport sends them from.
package protocol ChunkBytes: Sendable {}

/// A job that a worker may work at until the lease's deadline.
package struct Grant: Sendable, Hashable {
    package var job: Job
    package var attempt: Int
    package var leaseMilliseconds: Int

    package init(_ job: Job, attempt: Int, leaseMilliseconds: Int) {
        self.job = job
        self.attempt = attempt
        self.leaseMilliseconds = leaseMilliseconds
    }
}

/// The coordinator has a result, and the worker may forget it.
package struct Acknowledgement: Sendable, Hashable {
    package var job: JobID
    package var attempt: Int
    package var status: AckStatus

    package init(_ job: JobID, attempt: Int, _ status: AckStatus) {
        self.job = job
        self.attempt = attempt
        self.status = status
    }
}

/// One job of a complete batch, as the learner gets it.
package struct BatchJob: Sendable, Hashable {
    package var trajectories: [Trajectory]
    package var scores: Scores

    package init(_ trajectories: [Trajectory], _ scores: Scores) {
        self.trajectories = trajectories
        self.scores = scores
    }
}

package enum AckStatus: String, Sendable { case accepted, duplicate, stale }

package struct RenewedJob: Sendable, Hashable {
    package var job: JobID
    package var attempt: Int
    package var tokens: Int

    package init(job: JobID, attempt: Int, tokens: Int) {
        self.job = job
        self.attempt = attempt
        self.tokens = tokens
    }
}

/// A job that a worker still has when it says HELLO (again).
package struct HeldJob: Sendable, Hashable {
    package var job: JobID
    package var attempt: Int
    /// Its result waits for an acknowledgement.
    package var finished: Bool

    package init(job: JobID, attempt: Int, finished: Bool) {
        self.job = job
        self.attempt = attempt
        self.finished = finished
    }
}

package struct Hello: Sendable {
    package var role: Role
    package var name: String
    package var incarnation: UInt64
    package var protocolMin: Int
    package var protocolMax: Int
    package var build: String
    package var capabilities: Capabilities
    package var heldJobs: [HeldJob]
    package var host: String
    package var pid: Int
    package var threads: Int
    /// A lease may acknowledge results to it as well.
    package var takesAcknowledgements: Bool

    package init(
        role: Role, name: String, incarnation: UInt64, protocolMin: Int = Wire.version, protocolMax: Int = Wire.version,
        build: String = "", capabilities: Capabilities, heldJobs: [HeldJob] = [],
        host: String = "", pid: Int = 0, threads: Int = 0, takesAcknowledgements: Bool = false
    ) {
        self.takesAcknowledgements = takesAcknowledgements
        self.role = role
        self.name = name
        self.incarnation = incarnation
        self.protocolMin = protocolMin
        self.protocolMax = protocolMax
        self.build = build
        self.capabilities = capabilities
        self.heldJobs = heldJobs
        self.host = host
        self.pid = pid
        self.threads = threads
    }

    package var id: WorkerID { WorkerID(name: name, incarnation: incarnation) }
}

package struct Welcome: Sendable {
    package var runID: String
    package var epoch: UInt64
    package var protocolVersion: Int
    /// The same for every process of a role; nil when the coordinator knows no such role.
    package var setup: RoleSetup?
    package var artifacts: [ArtifactManifest]
    package var leaseMilliseconds: Int
    package var graceMilliseconds: Int

    package init(
        runID: String, epoch: UInt64, protocolVersion: Int = Wire.version, setup: RoleSetup?,
        artifacts: [ArtifactManifest], leaseMilliseconds: Int, graceMilliseconds: Int
    ) {
        self.runID = runID
        self.epoch = epoch
        self.protocolVersion = protocolVersion
        self.setup = setup
        self.artifacts = artifacts
        self.leaseMilliseconds = leaseMilliseconds
        self.graceMilliseconds = graceMilliseconds
    }
}

package struct WorkerReport: Sendable, Hashable {
    /// The state of a worker that has nothing to do.
    package static let idle = "idle"
    package static let draining = "draining"
    /// Of a learner that goes on when it is told to.
    package static let paused = "paused"

    /// starting, loading, idle, busy, draining; of the learner the phase of its step.
    package var state: String
    package var tokensPerSecond: Double
    package var residentBytes: UInt64
    package var version: PolicyVersion?
    package var fraction: Double

    package init(
        state: String, tokensPerSecond: Double = 0, residentBytes: UInt64 = 0, version: PolicyVersion? = nil,
        fraction: Double = 0
    ) {
        self.state = state
        self.tokensPerSecond = tokensPerSecond
        self.residentBytes = residentBytes
        self.version = version
        self.fraction = fraction
    }
}

/// What both sides agree on before the first message.
package enum Wire {
    /// 2: a generator must know `arithmetic`. 3: it must know `occurrence` and `first_sample`. 4: messages have checksums, and
    /// the hashes of a file's chunks are pulled, not announced. 5: WELCOME has a setup for each role.
    package static let version = 5
    package static let firstWithChecksums = 4
    /// Bytes of a chunk of an artifact.
    package static let chunkSize = 512 << 10
}

/// A message to a peer, and which of its asks it answers; 0 = none.
package struct Outgoing: Sendable {
    package var peer: WorkerID
    package var message: Message
    package var inReplyTo: UInt64

    package init(_ peer: WorkerID, _ message: Message, inReplyTo: UInt64 = 0) {
        self.peer = peer
        self.message = message
        self.inReplyTo = inReplyTo
    }
}
