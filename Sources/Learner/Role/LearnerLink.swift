package import Cluster
package import ClusterModel
package import Foundation

/// What the learner asks of the cluster. One implementation speaks over ZeroMQ, one is a test's.
package protocol LearnerLink: Sendable {
    /// Waits until the batch of `step` is complete. Returns the number of its jobs.
    func batch(step: Int) async throws -> Int
    /// Some jobs of a complete batch, `first` and what follows it; at least one.
    func jobs(step: Int, from first: Int) async throws -> [RolloutJob]
    /// Step `step` has been made and version `manifest.version` can be pulled. Returns when the journal has it; asking
    /// again for a step that was committed before does nothing, if the weights are the same.
    ///
    /// - Parameter checkpoint: how many steps the newest checkpoint on disk has. Batches before it are not asked for again.
    func commit(step: Int, metrics: Data, manifest: ArtifactManifest, checkpoint: Int) async throws
    /// - Parameter checkpoint: how many steps the learner goes on from.
    /// - Returns: how many steps are committed.
    func publish(_ manifests: [ArtifactManifest], checkpoint: Int) async throws -> Int
    /// What the learner is doing, for the status.
    func report(phase: String, fraction: Double) async
    func alarm(code: String, detail: String) async
    /// Returns when the run is not paused (any more).
    func whileResumed() async throws
}

/// Where other processes pull weights from.
package protocol ArtifactStore: Sendable {
    /// Serves the files; returns the manifest that names them and where they are.
    func serve(kind: ArtifactKind, version: PolicyVersion, files: [ServedFile]) async throws
        -> ArtifactManifest
    /// Forgets policy versions below this one, but for version 0, from which a joining worker gets all other files.
    func release(below number: Int) async
}
