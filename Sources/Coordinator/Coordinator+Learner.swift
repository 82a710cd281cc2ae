import Cluster
import ClusterModel
import Foundation
import Logging
import ZeroMQ

/// What the learner says: artifacts, batches, commits.
extension Coordinator {
    /// Most of an answer to a fetch, unless one job alone is larger.
    private static let fetchedBytes = 512 << 10

    func handleLearner(_ incoming: ServerEndpoint.Incoming) {
        let (peer, id) = (incoming.peer, incoming.envelope.id)
        guard workers[peer]?.hello.role == .learner else {
            logger.warning("a message that only a learner may send", metadata: ["peer": "\(peer)"])
            return
        }
        switch incoming.envelope.message {
        case .publish(let manifests):
            publish(manifests)
            // A run that was ended between its last commit and the export of its policy: the learner that has come back
            // has nothing left to do but that.
            if journaled >= configuration.steps { finishRun() }
        case .batchRequest(let step): batch(step, peer, id)
        case .fetchJobs(let step, let first): fetch(step, first, peer, id)
        case .commit(let step, let metrics, let manifest): commit(step, metrics, manifest, peer, id)
        default: logger.warning("a message that is not for a coordinator", metadata: ["peer": "\(peer)"])
        }
    }

    private func publish(_ new: [ArtifactManifest]) {
        for manifest in new {
            manifests[manifest.kind, default: [:]][manifest.version.number] = manifest
            announce(manifest)
        }
        // What older versions no open step needs any more; version 0 carries tokenizer and configuration.
        let oldest = configuration.schedule.version(for: committed)
        manifests[.policy] = manifests[.policy]?.filter { $0.key == 0 || $0.key >= oldest }
        journal.write(new.map { .weights($0) })
        openSteps()
    }

    private func announce(_ manifest: ArtifactManifest) {
        for (id, worker) in workers where worker.state != .gone {
            let wants =
                switch worker.hello.role {
                case .generator: manifest.kind == .policy
                // The policy's start has the tokenizer, which rewards by rule need.
                case .scorer: manifest.kind != .policy || manifest.version.number == 0
                case .learner: false
                }
            if wants { outbox.append(.init(id, .artifact(manifest))) }
        }
    }

    private func batch(_ step: Int, _ peer: WorkerID, _ id: UInt64) {
        guard step >= committed, step < configuration.steps else {
            outbox.append(
                .init(
                    peer, .refused(code: "step", message: "step \(step) is not the next; committed are \(committed)"),
                    inReplyTo: id))
            return
        }
        batchRequest = (peer, id, step)
        answerBatchRequest()
    }

    private func fetch(_ step: Int, _ first: Int, _ peer: WorkerID, _ id: UInt64) {
        guard let assembly = steps[step], assembly.isComplete, assembly.jobs.indices.contains(first) else {
            outbox.append(
                .init(
                    peer, .refused(code: "step", message: "the batch of step \(step) has no job \(first)"),
                    inReplyTo: id))
            return
        }
        var jobs: [BatchJob] = []
        var size = 0
        for index in first..<assembly.jobs.count {
            guard let items = assembly.trajectories[index] else { break }
            size += JobPlan.bytes(of: items)
            if size > Self.fetchedBytes, !jobs.isEmpty { break }
            jobs.append(BatchJob(items, assembly.mergedScores(of: index)))
        }
        outbox.append(.init(peer, .batchJobs(step: step, first: first, jobs), inReplyTo: id))
    }

    private func commit(_ step: Int, _ metrics: Data, _ manifest: ArtifactManifest, _ peer: WorkerID, _ id: UInt64) {
        guard step <= committed else {
            outbox.append(
                .init(
                    peer, .refused(code: "step", message: "step \(step) cannot be committed before \(committed)"),
                    inReplyTo: id))
            return
        }
        guard step == committed else {
            outbox.append(.init(peer, .commitAck(step: step), inReplyTo: id))
            return
        }
        let figures = record(step, metrics)
        let assembly = steps.removeValue(forKey: step)
        unflushed[step] = nil
        committed = step + 1
        openedSteps = max(openedSteps, committed)
        if let assembly { ledger.forget(assembly.allJobs) }
        journal.write([.step(step, metrics: metrics, manifest)]) { [self] in
            assumeIsolated { $0.committed(step, figures, assembly, peer, id) }
        }
        publish([manifest])
    }

    private func committed(
        _ step: Int, _ figures: [String: Double], _ assembly: StepAssembly?, _ peer: WorkerID, _ id: UInt64
    ) {
        journaled = step + 1
        progress.dropCause = assembly?.errors.last
        outbox.append(.init(peer, .commitAck(step: step), inReplyTo: id))
        do {
            try RunFiles.append(step: step, figures: figures, assembly: assembly, to: configuration.runDirectory)
        } catch {
            fail(CoordinatorError("cannot write the figures of step \(step): \(error)"))
        }
        if committed >= configuration.steps { finishRun() }
        flush()
        publishSnapshot(force: true)
    }

    /// Edge 3.
    private func finishRun() {
        guard stopDeadline == nil else { return }
        state = .done
        journal.write([.event(kind: "done", detail: "\(committed) steps")])
        logger.info("the last step is committed")
        stop(.success(()), reason: "the run is done", exitCode: 0, includingLearner: false)
    }

    func alarm(_ code: String, _ detail: String) {
        logger.warning("alarm", metadata: ["code": "\(code)", "detail": "\(detail)"])
        alarms.removeAll { $0.code == code }
        alarms.append(ClusterSnapshot.Alarm(code: code, sinceMs: now(), detail: detail))
        if alarms.count > 50 { alarms.removeFirst() }
        journal.write([.event(kind: "alarm", detail: "\(code): \(detail)")])
        if code == "paused" { pause(true) }
    }
}
