package import ClusterModel
package import Foundation
package import Logging
import Metrics
import PolicyOptimization
package import RunConfiguration
import RunLayout

/// The learner's life: publish, fetch, update, commit, until the last step is made; checkpoints are written beside it.
///
///                  +---------------- 5 next step -----------------+
///                  v                                              |
///     START -1-> PUBLISHED -2-> BATCH (waits) -3-> UPDATED -4-> COMMITTED -6-> DONE
///
/// 1 versions that leases may name are served, and the checkpoint's last step is committed again: a crash between checkpoint
///   and commit leaves the coordinator one step behind, and committing twice does nothing
/// 2 the request is answered when the coordinator has the whole batch; at once for steps that were committed before the
///   learner died: it repeats them from the journal, and makes the same weights
/// 3 the file of version n + 1 is there before anyone hears of the step
/// 4 version n + 1 can be pulled before the commit names it; where the run file counts steps, no commit leaves more of them to
///   be repeated than it allows
/// 6 the last checkpoint, and the final policy as a Hugging Face directory, stand before the loop returns
///
/// A loop that is cancelled leaves a checkpoint of its last step.
///
/// Before edge 2, where the run file asks for it, held-out prompts measure the policy (``HeldOutWatch``): after the commit, so
/// that generators are at work on the next batch meanwhile.
///
/// A guard rail that pauses (edge 4) keeps the loop before its next batch until the coordinator resumes.
package struct LearnerLoop: Sendable {
    package struct Plan: Sendable {
        /// Steps of the run.
        package var steps: Int
        /// Of the coordinator, from WELCOME.
        package var epoch: UInt64
        package var runDirectory: URL
        /// The directory the policy started from: version 0, with tokenizer.
        package var base: URL
        /// How many versions the jobs of open steps may lie behind the newest.
        package var lag: Int
        package var checkpointEvery: PPOSection.CheckpointEvery
        /// nil: the trainer's own, from the first step to the last.
        package var settings: StepSettings?

        package init(
            steps: Int, epoch: UInt64, runDirectory: URL, base: URL, lag: Int = 0,
            checkpointEvery: PPOSection.CheckpointEvery = .auto, settings: StepSettings? = nil
        ) {
            self.steps = steps
            self.epoch = epoch
            self.runDirectory = runDirectory
            self.base = base
            self.lag = lag
            self.checkpointEvery = checkpointEvery
            self.settings = settings
        }
    }

    package let plan: Plan
    package let engine: LearnerEngine
    package let checkpoints: CheckpointStore
    package let versions: VersionStore
    package let link: any LearnerLink
    package let artifacts: any ArtifactStore
    package let fixed: [FixedArtifact]
    /// nil: held-out prompts are left alone.
    package let heldOut: HeldOutWatch?
    package let log: Logger

    /// An artifact that never changes: reference and reward models.
    package struct FixedArtifact: Sendable {
        package var kind: ArtifactKind
        package var directory: URL

        package init(kind: ArtifactKind, directory: URL) {
            self.kind = kind
            self.directory = directory
        }
    }

    package init(
        plan: Plan, engine: LearnerEngine, checkpoints: CheckpointStore, versions: VersionStore, link: any LearnerLink,
        artifacts: any ArtifactStore, fixed: [FixedArtifact], heldOut: HeldOutWatch? = nil, log: Logger
    ) {
        self.plan = plan
        self.engine = engine
        self.checkpoints = checkpoints
        self.versions = versions
        self.link = link
        self.artifacts = artifacts
        self.fixed = fixed
        self.heldOut = heldOut
        self.log = log
    }

    /// Runs to the end of the plan.
    package func run() async throws {
        let writer = CheckpointWriter(checkpoints, newest: await engine.step)
        try await withThrowingDiscardingTaskGroup { group in
            do {
                try await course(writer, &group)
            } catch {
                if Self.leavesACheckpoint(error) { await save(writer) }
                throw error
            }
        }
    }

    /// Whether what the learner has in memory is as good as before: not when the coordinator refused it.
    private static func leavesACheckpoint(_ error: any Error) -> Bool {
        if let failure = error as? SessionFailure { return failure.code != .refused }
        return error is CancellationError
    }

    private func course(
        _ writer: CheckpointWriter, _ group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        var course = try await begin(writer)  // 1
        var step = await engine.step
        while step < plan.steps {
            try Task.checkCancellation()
            try await lookAtHeldOut(step, writer)
            if step >= course.committed { try await link.whileResumed() }
            try await makeStep(step, &course, writer, &group)
            step = await engine.step
        }
        try await lookAtHeldOut(step, writer)
        try await finish(step, course, writer)  // 6
    }

    // MARK: - Beginning and end

    /// What changes from step to step.
    struct Course {
        /// Steps that were committed when this process began: they are repeated.
        var committed: Int
        var settings: StepSettings?
        var cadence: CheckpointCadence
        /// Of the checkpoint that was begun last.
        var snapshot: Int
        /// Of the newest version.
        var manifest: ArtifactManifest?
        var metrics = Data()
        /// The checkpoint that the coordinator knows of.
        var told: Int
        let start = ContinuousClock.now

        var time: Double { (ContinuousClock.now - start).seconds }
    }

    private func begin(_ writer: CheckpointWriter) async throws -> Course {
        let step = await engine.step
        let (committed, manifest) = try await publishAll(step)
        Meter(label: "skein_learner_step").set(max(step, committed))
        var settings = plan.settings
        try settings?.begin(at: committed, checkpoint: step)
        var course = Course(
            committed: committed, settings: settings,
            cadence: CheckpointCadence(
                plan.checkpointEvery, size: try await engine.sizeOfRest(), step: step, at: 0),
            snapshot: step, manifest: manifest, told: step)
        if step > 0, let manifest, let last = checkpoints.latest() {
            log.info("resuming", metadata: ["step": "\(step)", "checkpoint": "\(last.url.lastPathComponent)"])
            course.metrics = try CheckpointFiles.metrics(in: last.url)
            try await link.commit(step: step - 1, metrics: course.metrics, manifest: manifest, checkpoint: step)
        }
        if committed > step {
            let which = committed == step + 1 ? "step \(committed)" : "steps \(step + 1) to \(committed)"
            log.notice("repeats \(which) from the journal")
        }
        return course
    }

    private func finish(_ step: Int, _ course: Course, _ writer: CheckpointWriter) async throws {
        await link.report(phase: "export", fraction: 1)
        await writer.settled()
        try writer.check()
        if writer.newest < step, let snapshot = try await engine.snapshot() {
            writer.expect()
            try await writer.write(snapshot)
        }
        // So that the journal keeps no batch of a run that is over.
        if course.told < step, let manifest = course.manifest {
            try await link.commit(step: step - 1, metrics: course.metrics, manifest: manifest, checkpoint: step)
        }
        // First, so that a policy that stands there says that the best one does too.
        try await exportBest()
        try await engine.export(to: RunLayout(plan.runDirectory).url(.policy))
    }

    /// A checkpoint of the last step, when the learner has to leave. What cannot be written is repeated.
    private func save(_ writer: CheckpointWriter) async {
        await writer.settled()
        do {
            try writer.check()
            guard await engine.step > writer.newest, let snapshot = try await engine.snapshot() else { return }
            writer.expect()
            try await writer.write(snapshot)
            log.info("left a checkpoint", metadata: ["step": "\(snapshot.step)"])
        } catch {
            log.error("left no checkpoint of the last step", metadata: ["why": "\(error)"])
        }
    }

    // MARK: - Held-out prompts

    /// A measurement that fails is said and left out: the run does not depend on it.
    private func lookAtHeldOut(_ step: Int, _ writer: CheckpointWriter) async throws {
        guard let heldOut, heldOut.isDue(step, last: plan.steps) else { return }
        await link.report(phase: "evaluate", fraction: 0)
        do {
            if step > 0 {
                await writer.settled()
                try await writer.keepPolicy(of: step, in: versions.url(step), metrics: await engine.metrics)
            }
            for line in try await heldOut.look(step, checkpoints) { log.notice("\(line)") }
        } catch {
            try Task.checkCancellation()
            log.error("held-out prompts were not measured", metadata: ["step": "\(step)", "why": "\(error)"])
            await link.alarm(
                code: "evaluation", detail: "held-out prompts were not measured after step \(step): \(error)")
        }
        await writer.removeMeasured()
    }

    private func exportBest() async throws {
        do {
            if let line = try await heldOut?.exportBest(checkpoints) { log.notice("\(line)") }
        } catch {
            try Task.checkCancellation()
            log.error("the best policy was not exported", metadata: ["why": "\(error)"])
            await link.alarm(code: "evaluation", detail: "the best policy was not exported: \(error)")
        }
    }
}
