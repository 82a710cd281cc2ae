package import ClusterModel

/// What a worker does with the jobs it is leased; the loop around it (`WorkerLoop`) does everything else.
///
/// All calls come one at a time from one task, so an implementation needs no locks of its own for them.
package protocol JobRunner: Sendable {
    /// What the coordinator tells the role (``RoleSetup/problem`` is nil). Called after each WELCOME.
    func configure(_ setup: RoleSetup) async throws

    /// An artifact was announced. The runner may fetch it ahead of need.
    func announced(_ manifest: ArtifactManifest) async

    /// True once the artifacts that any job needs have been announced; until then the worker grants no credit.
    var isReady: Bool { get async }

    /// Computes one job.
    /// - Parameter progress: called by the work loop with the number of tokens so far; renews the lease. Returns false
    ///   when the job was cancelled, and the runner should stop soon.
    /// - Returns: nil when the job was cancelled.
    func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome?
}

/// An error of a runner that says whether another worker, or another attempt, might succeed.
package struct JobError: Error, Sendable, CustomStringConvertible {
    package let code: String
    package let message: String
    package let retryable: Bool

    package init(code: String, message: String, retryable: Bool) {
        self.code = code
        self.message = message
        self.retryable = retryable
    }

    package var description: String { message }
}
