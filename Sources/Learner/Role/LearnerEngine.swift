package import Foundation
import LanguageModels
import RunLayout
package import Torch

/// The trainer behind its compute thread: everything that touches a tensor happens on `executor`.
///
/// Owned by ``LearnerLoop``. The trainer is made inside, from a closure, because it is not Sendable and must be born on
/// the thread that uses it.
package actor LearnerEngine {
    private let executor: ComputeExecutor
    private let trainer: PPOTrainer
    private let versions: VersionStore
    /// How many versions the jobs of open steps may lie behind the newest.
    private let lag: Int
    private let runDirectory: URL
    private var last: StepReport?
    /// False within an update, and after one that failed.
    private var isWhole = true

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private init(
        executor: ComputeExecutor, trainer: PPOTrainer, versions: VersionStore, lag: Int, runDirectory: URL
    ) {
        self.executor = executor
        self.trainer = trainer
        self.versions = versions
        self.lag = lag
        self.runDirectory = runDirectory
    }

    /// Makes the trainer on the compute thread and restores the last checkpoint, if there is one, with the versions of the
    /// policy that belong to it.
    ///
    /// - Parameter lag: how many versions the jobs of open steps may lie behind the newest.
    package static func start(
        on executor: ComputeExecutor, store: CheckpointStore, versions: VersionStore, lag: Int = 0, runDirectory: URL,
        make: @escaping @Sendable () throws -> PPOTrainer
    ) async throws -> LearnerEngine {
        try await executor.run {
            let trainer = try make()
            for directory in [store.directory, versions.directory] { LinkedFiles.sweep(directory) }
            if let latest = store.latest() {
                try trainer.loadCheckpoint(from: latest.url)
                for version in max(1, latest.step - lag)...max(1, latest.step) {
                    if let source = store.policy(of: version, for: latest) { try versions.adopt(version, from: source) }
                }
            }
            // Born on the thread that owns it, and never leaves it.
            return LearnerEngine(
                executor: executor, trainer: trainer, versions: versions, lag: lag, runDirectory: runDirectory)
        }
    }

    /// Steps made so far.
    package var step: Int { trainer.state.step }
    /// Figures of the last of them; none where another process made it.
    var metrics: [String: Double] { last?.metrics ?? [:] }
    /// Bytes of a checkpoint beside the policy's files.
    func sizeOfRest() throws -> Int { try trainer.sizeOfRest() }

    /// One update, and the file of the new version. A batch that ended the run is kept for inspection.
    ///
    /// - Parameter basis: what else the step depends on; nil: what the trainer was made with.
    package func update(_ jobs: [RolloutJob], by basis: StepBasis? = nil) throws -> StepReport {
        let samples = try Rollouts.samples(jobs)
        isWhole = false
        if let basis {
            try trainer.adopt(basis.settings)
            if TorchRuntime.threads != basis.threads { try TorchRuntime.configure(threads: basis.threads) }
        }
        var report: StepReport
        do {
            report = try trainer.update(samples)
        } catch {
            _ = try? BatchArchive.write(samples, step: trainer.state.step + 1, into: runDirectory)
            throw error
        }
        if let reason = report.stop {
            let path = try BatchArchive.write(samples, step: report.step + 1, into: runDirectory)
            throw LearnerError(
                .diverged,
                """
                step \(report.step + 1): \(reason); lower ppo.learning_rate; the batch is kept in \
                \(path.path(percentEncoded: false))
                """)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let bytes = try versions.write(trainer.state.step) { try trainer.savePolicy(to: $0) }
        report.metrics[Metric.secondsCheckpoint, default: 0] += (clock.now - start).seconds
        report.metrics[Metric.bytesWritten] = Double(bytes)
        (last, isWhole) = (report, true)
        return report
    }

    /// What a checkpoint of the present state is written from. The next update waits with its first change until that is done.
    ///
    /// - Returns: nil when the last update failed, and when there was none.
    func snapshot() throws -> CheckpointSnapshot? {
        let step = trainer.state.step
        guard isWhole, step > 0 else { return nil }
        let versions = versions
        let rest = try trainer.restOfCheckpoint(last)
        let earlier = (max(1, step - lag)..<max(1, step)).filter(versions.holds)
        return CheckpointSnapshot(step: step, gate: trainer.gate) { directory in
            try LinkedFiles.link(versions.url(step), to: directory.appending(path: RunLayout.checkpointPolicy))
            for version in earlier {
                let place = directory.appending(path: RunLayout.checkpointEarlier)
                try LinkedFiles.link(
                    versions.url(version), to: place.appending(path: RunLayout.checkpointName(version)))
            }
            try rest(directory)
        }
    }

    /// The final policy as a Hugging Face directory; an adapter is merged, and stands in `adapter` by itself too.
    package func export(to directory: URL) throws {
        let path = directory.path(percentEncoded: false)
        try trainer.policy.export(to: path)
        try trainer.policy.trunk.adapter?.export(to: "\(path)/adapter")
    }
}
