import Cluster
import ClusterModel
import Foundation
import Logging
import Metrics
import PolicyOptimization

/// One step of the learner, and what it serves.
extension LearnerLoop {
    func makeStep(
        _ step: Int, _ course: inout Course, _ writer: CheckpointWriter,
        _ group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        let isRepeated = step < course.committed
        let clock = ContinuousClock()
        let start = clock.now
        await link.report(phase: isRepeated ? "repeat" : "wait_batch", fraction: 0)
        let jobs = try await fetch(step)  // 2
        let waited = (clock.now - start).seconds
        await link.report(phase: isRepeated ? "repeat" : "update", fraction: 0)
        var report = try await engine.update(jobs, by: course.settings?.basis(of: step))  // 3
        report.metrics[Metric.secondsWait] = waited
        course.cadence.add(
            policy: Int(report.metrics[Metric.bytesWritten] ?? 0),
            batch: jobs.reduce(0) { $0 + JobPlan.bytes(of: $1.trajectories) })
        try await saveInTime(step + 1, isPausing: report.pause && !isRepeated, &course, writer, &group)
        if !isRepeated { await tell(report) }
        await link.report(phase: isRepeated ? "repeat" : "publish", fraction: 0)
        let manifest = try await artifacts.serve(
            kind: .policy, version: PolicyVersion(epoch: plan.epoch, number: step + 1),
            files: try CheckpointFiles.policyFiles(
                at: versions.url(step + 1), of: checkpoints.url(step: course.snapshot)))
        let beforeWaiting = clock.now
        try await waitForCheckpoint(step + 1, course, writer)
        report.metrics[Metric.secondsCheckpoint, default: 0] += (clock.now - beforeWaiting).seconds
        report.metrics[Metric.bytesWritten, default: 0] += Double(writer.takeBytes())
        report.metrics[Metric.secondsStep] = (clock.now - start).seconds
        (course.manifest, course.metrics, course.told) = (manifest, try CheckpointFiles.encode(report), writer.newest)
        try await link.commit(step: step, metrics: course.metrics, manifest: manifest, checkpoint: course.told)  // 4
        await letGo(behind: step + 1, course)
        guard !isRepeated else { return }
        count(report)
        if report.pause {
            await link.alarm(code: Message.pausingAlarm, detail: "the KL budget is spent; resume to go on")
        }
    }

    /// Begins a checkpoint if one is due. A run that pauses may be left alone for long.
    private func saveInTime(
        _ made: Int, isPausing: Bool, _ course: inout Course, _ writer: CheckpointWriter,
        _ group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        let time = course.time
        guard isPausing || course.cadence.isDue(made, at: time, cost: writer.seconds),
            let snapshot = try await engine.snapshot()
        else { return }
        course.cadence.begin(made, at: time)
        course.snapshot = made
        writer.expect()
        group.addTask { try await writer.write(snapshot) }
    }

    /// Before a commit: no more steps may have to be repeated than the run file allows.
    private func waitForCheckpoint(_ made: Int, _ course: Course, _ writer: CheckpointWriter) async throws {
        if let most = course.cadence.most, made - writer.newest > most { await writer.settled() }
        try writer.check()
    }

    private func tell(_ report: StepReport) async {
        let step = report.step + 1
        for note in report.notes { log.notice("\(note)", metadata: ["step": "\(step)"]) }
        for alarm in report.alarms {
            log.warning("\(alarm.detail)", metadata: ["step": "\(step)", "alarm": "\(alarm.code.rawValue)"])
            await link.alarm(code: alarm.code.rawValue, detail: alarm.detail)
        }
    }

    /// Versions that no lease can name any more. One that was named a moment ago may still be on its way to somebody. On disk
    /// those stay too that a checkpoint is about to link to.
    private func letGo(behind made: Int, _ course: Course) async {
        let oldest = made - plan.lag - 1
        await artifacts.release(below: oldest)
        let linked = (course.snapshot - plan.lag)...course.snapshot
        versions.keep { $0 >= oldest || linked.contains($0) }
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

    /// Serves every version that a lease may name and that is there: those of the checkpoint, and what stands there of the
    /// steps that are repeated.
    ///
    /// - Returns: how many steps are committed; the manifest of version `step` when it is not version 0.
    func publishAll(_ step: Int) async throws -> (committed: Int, ArtifactManifest?) {
        func version(_ number: Int) -> PolicyVersion { PolicyVersion(epoch: plan.epoch, number: number) }
        var manifests = [
            try await artifacts.serve(kind: .policy, version: version(0), files: try PublishedFiles.read(plan.base))
        ]
        for artifact in fixed {
            manifests.append(
                try await artifacts.serve(
                    kind: artifact.kind, version: version(0), files: try PublishedFiles.read(artifact.directory)))
        }
        versions.keep { $0 >= step - plan.lag }
        var own: ArtifactManifest?
        for number in versions.numbers where number > 0 {
            let files: [ServedFile]
            do {
                files = try CheckpointFiles.policyFiles(at: versions.url(number), of: checkpoints.url(step: step))
            } catch  where number > step {
                continue
            }
            let manifest = try await artifacts.serve(kind: .policy, version: version(number), files: files)
            manifests.append(manifest)
            if number == step { own = manifest }
        }
        return (try await link.publish(manifests, checkpoint: step), own)
    }
}
