package import Foundation
import LanguageModels
package import Torch

/// The trainer behind its compute thread: everything that touches a tensor happens on `executor`.
///
/// Owned by ``LearnerLoop``. The trainer is made inside, from a closure, because it is not Sendable and must be born on
/// the thread that uses it.
package actor LearnerEngine {
    private let executor: ComputeExecutor
    private let trainer: PPOTrainer
    private let store: CheckpointStore
    private let runDirectory: URL

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private init(executor: ComputeExecutor, trainer: PPOTrainer, store: CheckpointStore, runDirectory: URL) {
        self.executor = executor
        self.trainer = trainer
        self.store = store
        self.runDirectory = runDirectory
    }

    /// Makes the trainer on the compute thread and restores the last checkpoint, if there is one.
    package static func start(
        on executor: ComputeExecutor, store: CheckpointStore, runDirectory: URL,
        make: @escaping @Sendable () throws -> PPOTrainer
    ) async throws -> LearnerEngine {
        try await executor.run {
            let trainer = try make()
            if let latest = store.latest() { try trainer.loadCheckpoint(from: latest.url) }
            // Born on the thread that owns it, and never leaves it.
            return LearnerEngine(executor: executor, trainer: trainer, store: store, runDirectory: runDirectory)
        }
    }

    /// Steps made so far.
    package var step: Int { trainer.state.step }

    /// One update and its checkpoint. A batch that ended the run is kept for inspection.
    package func update(_ jobs: [RolloutJob]) throws -> StepReport {
        let samples = try Rollouts.samples(jobs)
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
        try store.write(step: trainer.state.step) { directory in
            try trainer.saveCheckpoint(to: directory, report: report)
        }
        report.metrics[Metric.secondsCheckpoint] = (clock.now - start).seconds
        return report
    }

    /// The final policy as a Hugging Face directory; an adapter is merged, and stands in `adapter` by itself too.
    package func export(to directory: URL) throws {
        let path = directory.path(percentEncoded: false)
        try trainer.policy.export(to: path)
        try trainer.policy.trunk.adapter?.export(to: "\(path)/adapter")
    }
}
