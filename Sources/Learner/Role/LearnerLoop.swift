package import ClusterModel
package import Foundation
package import Logging
import Metrics
import PolicyOptimization
import RunLayout

/// The learner's life: publish, fetch, update, checkpoint, commit, until the last step is made.
///
///                  +----------------------- 5 next step -----------------------+
///                  v                                                           |
///     START -1-> PUBLISHED -2-> BATCH (waits) -3-> UPDATED + CHECKPOINT -4-> COMMITTED -6-> DONE
///
/// 1 artifacts of every version still on disk are served, and the last step is committed again: a crash between
///   checkpoint and commit leaves the coordinator one step behind, and committing twice does nothing
/// 2 the request is answered when the coordinator has the whole batch
/// 3 the checkpoint is on disk before anyone hears of the step
/// 4 version n + 1 can be pulled before the commit names it
/// 6 the final policy stands as a Hugging Face directory before the loop returns
///
/// Before edge 2, where the run file asks for it, held-out prompts measure the policy (``HeldOutWatch``): after the commit, so
/// that generators are at work on the next batch meanwhile, and before the next checkpoint can push this one out.
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

        package init(steps: Int, epoch: UInt64, runDirectory: URL, base: URL) {
            self.steps = steps
            self.epoch = epoch
            self.runDirectory = runDirectory
            self.base = base
        }
    }

    package let plan: Plan
    package let engine: LearnerEngine
    package let checkpoints: CheckpointStore
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
        plan: Plan, engine: LearnerEngine, checkpoints: CheckpointStore, link: any LearnerLink,
        artifacts: any ArtifactStore, fixed: [FixedArtifact], heldOut: HeldOutWatch? = nil, log: Logger
    ) {
        self.plan = plan
        self.engine = engine
        self.checkpoints = checkpoints
        self.link = link
        self.artifacts = artifacts
        self.fixed = fixed
        self.heldOut = heldOut
        self.log = log
    }

    /// Runs to the end of the plan.
    package func run() async throws {
        let newest = try await publishAll()  // 1
        var step = await engine.step
        Meter(label: "skein_learner_step").set(step)
        if step > 0, let manifest = newest, let last = checkpoints.latest() {
            log.info("resuming", metadata: ["step": "\(step)", "checkpoint": "\(last.url.lastPathComponent)"])
            try await link.commit(
                step: step - 1, metrics: try CheckpointFiles.metrics(in: last.url), manifest: manifest)
        }
        while step < plan.steps {
            try Task.checkCancellation()
            try await lookAtHeldOut(step)
            try await link.whileResumed()
            try await makeStep(step)
            step = await engine.step
        }
        try await lookAtHeldOut(step)
        await link.report(phase: "export", fraction: 1)
        // First, so that a policy that stands there says that the best one does too.
        try await exportBest()
        try await engine.export(to: RunLayout(plan.runDirectory).url(.policy))  // 6
    }

    /// A measurement that fails is said and left out: the run does not depend on it.
    private func lookAtHeldOut(_ step: Int) async throws {
        guard let heldOut, heldOut.isDue(step, last: plan.steps) else { return }
        await link.report(phase: "evaluate", fraction: 0)
        do {
            for line in try await heldOut.look(step, checkpoints) { log.notice("\(line)") }
        } catch {
            try Task.checkCancellation()
            log.error("held-out prompts were not measured", metadata: ["step": "\(step)", "why": "\(error)"])
            await link.alarm(
                code: "evaluation", detail: "held-out prompts were not measured after step \(step): \(error)")
        }
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

    private func makeStep(_ step: Int) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        await link.report(phase: "wait_batch", fraction: 0)
        let jobs = try await fetch(step)  // 2
        let waited = (clock.now - start).seconds
        await link.report(phase: "update", fraction: 0)
        var report = try await engine.update(jobs)  // 3
        report.metrics[Metric.secondsWait] = waited
        report.metrics[Metric.secondsStep] = (clock.now - start).seconds
        for note in report.notes { log.notice("\(note)", metadata: ["step": "\(step + 1)"]) }
        for alarm in report.alarms {
            log.warning("\(alarm.detail)", metadata: ["step": "\(step + 1)", "alarm": "\(alarm.code.rawValue)"])
            await link.alarm(code: alarm.code.rawValue, detail: alarm.detail)
        }
        await link.report(phase: "publish", fraction: 0)
        let manifest = try await artifacts.serve(
            kind: .policy, version: PolicyVersion(epoch: plan.epoch, number: step + 1),
            files: try CheckpointFiles.policyFiles(in: checkpoints.url(step: step + 1)))
        try await link.commit(step: step, metrics: try CheckpointFiles.encode(report), manifest: manifest)  // 4
        count(report)
        await artifacts.release(below: checkpoints.recent().first?.step ?? 0)
        if report.pause {
            await link.alarm(code: Message.pausingAlarm, detail: "the KL budget is spent; resume to go on")
        }
    }

    private func count(_ report: StepReport) {
        Meter(label: "skein_learner_step").set(report.step + 1)
        Meter(label: "skein_learner_last_step_timestamp_seconds").set(Date().timeIntervalSince1970)
        for (name, value) in report.metrics where name.hasPrefix("timing_s/") {
            Meter(label: "skein_learner_step_seconds", dimensions: [("phase", String(name.dropFirst(9)))]).set(value)
        }
    }

    private func fetch(_ step: Int) async throws -> [RolloutJob] {
        let count = try await link.batch(step: step)
        guard count > 0 else { throw LearnerError(.cluster, "the batch of step \(step) has no job") }
        var jobs: [RolloutJob] = []
        while jobs.count < count {
            jobs += try await link.jobs(step: step, from: jobs.count)
            await link.report(phase: "fetch", fraction: Double(jobs.count) / Double(count))
        }
        return jobs
    }

    /// Serves every version that a lease may name. Returns the newest policy's manifest when it is not version 0.
    private func publishAll() async throws -> ArtifactManifest? {
        func version(_ number: Int) -> PolicyVersion { PolicyVersion(epoch: plan.epoch, number: number) }
        var manifests = [
            try await artifacts.serve(kind: .policy, version: version(0), files: try PublishedFiles.read(plan.base))
        ]
        for artifact in fixed {
            manifests.append(
                try await artifacts.serve(
                    kind: artifact.kind, version: version(0), files: try PublishedFiles.read(artifact.directory)))
        }
        var newest: ArtifactManifest?
        for checkpoint in checkpoints.recent() where checkpoint.step > 0 {
            let manifest = try await artifacts.serve(
                kind: .policy, version: version(checkpoint.step),
                files: try CheckpointFiles.policyFiles(in: checkpoint.url))
            manifests.append(manifest)
            newest = manifest
        }
        try await link.publish(manifests)
        return newest
    }
}
