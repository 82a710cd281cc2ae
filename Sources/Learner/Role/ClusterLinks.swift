package import Cluster
package import ClusterModel
package import Foundation
import Synchronization

/// ``LearnerLink`` over the coordinator's wire.
///
/// Owned by ``LearnerRole``. Asks wait as long as the link lives: what the learner waits for stands in the coordinator's
/// status with a name and a time, and a link that is closed ends every ask.
package final class ClusterLearnerLink: LearnerLink {
    private struct Control {
        var pause = LearnerPause()
        var waiters: [CheckedContinuation<Void, Never>] = []
        var report = WorkerReport(state: "starting")
    }

    private let link: WorkerLink
    private let control = Mutex(Control())

    package init(_ link: WorkerLink) { self.link = link }

    package func batch(step: Int) async throws -> Int {
        guard case .batchReady(let answered, let jobs) = try await link.ask(.batchRequest(step: step), deadline: nil),
            answered == step
        else { throw LearnerError(.cluster, "the coordinator did not answer the request for step \(step)") }
        return jobs
    }

    package func jobs(step: Int, from first: Int) async throws -> [RolloutJob] {
        guard
            case .batchJobs(let answered, let number, let jobs) = try await link.ask(
                .fetchJobs(step: step, first: first)),
            answered == step, number == first, !jobs.isEmpty
        else { throw LearnerError(.cluster, "the coordinator did not send job \(first) of step \(step)") }
        return jobs.enumerated().map { offset, job in
            RolloutJob(index: first + offset, trajectories: job.trajectories, scores: job.scores)
        }
    }

    package func commit(step: Int, metrics: Data, manifest: ArtifactManifest, checkpoint: Int) async throws {
        guard
            case .commitAck(let answered) = try await link.ask(
                .commit(step: step, metrics: metrics, manifest, checkpoint: checkpoint), deadline: nil),
            answered == step
        else { throw LearnerError(.cluster, "the coordinator did not acknowledge step \(step)") }
    }

    package func publish(_ manifests: [ArtifactManifest], checkpoint: Int) async throws -> Int {
        guard
            case .publishAck(let committed) = try await link.ask(
                .publish(manifests, checkpoint: checkpoint), deadline: nil)
        else { throw LearnerError(.cluster, "the coordinator did not acknowledge the artifacts") }
        return committed
    }

    package func report(phase: String, fraction: Double) async {
        let report = WorkerReport(state: phase, fraction: fraction)
        control.withLock { $0.report = report }
        link.tell(.report(report))
    }

    /// Says again where the learner is. An update may take many minutes, and a batch longer to come; a learner that was
    /// silent all the while would be taken for lost. What it says does not change, so the status shows one that hangs.
    package func pulse() {
        let (report, wish) = control.withLock { ($0.report, $0.pause.wish) }
        link.tell(.report(report))
        if let wish { link.tell(.alarm(code: Message.pausingAlarm, detail: wish)) }
    }

    package func alarm(code: String, detail: String) async {
        if code == Message.pausingAlarm { control.withLock { $0.pause.ask(detail) } }
        link.tell(.alarm(code: code, detail: detail))
    }

    package func whileResumed() async throws {
        if control.withLock({ $0.pause.isPaused }) { await report(phase: WorkerReport.paused, fraction: 0) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goOn = control.withLock { control -> Bool in
                    if control.pause.isPaused, !Task.isCancelled {
                        control.waiters.append(continuation)
                        return false
                    }
                    return true
                }
                if goOn { continuation.resume() }
            }
        } onCancel: {
            release()
        }
        try Task.checkCancellation()
    }

    /// What the coordinator says.
    package func pause(_ paused: Bool) { if control.withLock({ $0.pause.said(paused) }) { release() } }

    private func release() {
        let waiters = control.withLock { control in
            defer { control.waiters = [] }
            return control.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// ``ArtifactStore`` over the socket that workers pull from.
package final class ServedArtifacts: ArtifactStore {
    private let server: ArtifactServer
    private let versions = Mutex<Set<PolicyVersion>>([])

    package init(_ server: ArtifactServer) { self.server = server }

    package func serve(
        kind: ArtifactKind, version: PolicyVersion, files: [ServedFile]
    ) async throws -> ArtifactManifest {
        if kind == .policy { versions.withLock { _ = $0.insert(version) } }
        return server.serve(kind: kind, version: version, files: files)
    }

    package func release(below number: Int) async {
        let old = versions.withLock { versions in
            let old = versions.filter { $0.number != 0 && $0.number < number }
            versions.subtract(old)
            return old
        }
        for version in old { server.release(.policy, version) }
    }
}
