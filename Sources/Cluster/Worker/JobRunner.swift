package import ClusterModel

/// What a worker does with the jobs it is leased; the loop around it (`WorkerLoop`) does everything else.
///
/// All calls but `fetchAhead` come one at a time, so an implementation needs no locks of its own for them.
package protocol JobRunner: Sendable {
    /// What the coordinator tells the role (``RoleSetup/problem`` is nil). Called after each WELCOME.
    func configure(_ setup: RoleSetup) async throws

    /// An artifact was announced. The runner may fetch it ahead of need.
    func announced(_ manifest: ArtifactManifest) async

    /// True once the artifacts that any job needs have been announced; until then the worker grants no credit.
    var isReady: Bool { get async }

    /// Runs beside the jobs until its task is cancelled: what the runner does ahead of need.
    func fetchAhead() async

    /// Computes one job. A cancelled task returns soon, whatever it has done.
    /// - Parameter progress: called by the work loop with the number of tokens so far; renews the lease. Returns false
    ///   when the job was cancelled, and the runner should stop soon.
    /// - Returns: nil when the job was cancelled.
    func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome?
}

extension JobRunner {
    package func fetchAhead() async {}
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
