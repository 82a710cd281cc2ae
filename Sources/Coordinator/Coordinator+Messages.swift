import Cluster
import ClusterModel
import Foundation
import Logging
import ZeroMQ

extension Coordinator {
    func handle(_ incoming: ServerEndpoint.Incoming) {
        let peer = incoming.peer
        let time = now()
        if case .hello(let hello) = incoming.envelope.message {
            join(peer, hello, time)
            return
        }
        guard workers[peer] != nil else { return }
        heard(peer, time)
        switch incoming.envelope.message {
        case .credit(let slots):
            workers[peer]?.slots = slots
            if workers[peer]?.state == .joining { workers[peer]?.state = .ready }
        case .renewal(let jobs): for job in jobs { renew(job, by: peer, time) }
        case .result(let job, let attempt, let outcome):
            admit(outcome, of: job, attempt: attempt, incoming, time)
        case .loaded(let kind, let version): workers[peer]?.loaded[kind] = version
        case .report(let report):
            workers[peer]?.report = report
            // It asks for no jobs, so nothing else would say that it is here.
            if workers[peer]?.hello.role == .learner, workers[peer]?.state == .joining { workers[peer]?.state = .ready }
        case .bye(let reason): leave(peer, reason: reason, lost: false)
        case .alarm(let code, let detail): alarm(code, detail)
        default: handleLearner(incoming)
        }
    }

    // MARK: - Membership

    private func join(_ peer: WorkerID, _ hello: Hello, _ time: Int64) {
        // A new incarnation of the same name: the old process is gone, whatever its leases say.
        for (other, record) in workers where other.name == peer.name && other != peer && record.state != .gone {
            leave(other, reason: "replaced by a new incarnation", lost: true)
        }
        var record = WorkerRecord(hello: hello, lastSeen: time, joined: workers[peer]?.joined ?? time)
        record.jobsDone = workers[peer]?.jobsDone ?? 0
        workers[peer] = record
        for job in ledger.leases(of: peer) where !hello.heldJobs.contains(where: { $0.job == job }) {
            // It lost the lease message with the connection.
            _ = ledger.fail(job, attempt: attempt(of: job), by: peer, retryable: true)
        }
        for held in hello.heldJobs where !held.finished {
            let deadline = time + Int64(configuration.leaseMilliseconds)
            if ledger.adopt(held.job, attempt: held.attempt, by: peer, deadline: deadline, now: time) { continue }
            if !ledger.leases(of: peer).contains(held.job) {
                outbox.append(.init(peer, .cancel(held.job, attempt: held.attempt, reason: "not yours any more")))
            }
        }
        // Every version that a job of an open step may name is among them.
        let artifacts = manifests.sorted { $0.key < $1.key }.flatMap { _, versions in
            versions.sorted { $0.key < $1.key }.map(\.value)
        }
        outbox.append(
            .init(
                peer,
                .welcome(
                    Welcome(
                        runID: runId, epoch: epoch, roleConfiguration: configuration.roleConfiguration,
                        artifacts: artifacts, leaseMilliseconds: configuration.leaseMilliseconds,
                        graceMilliseconds: configuration.graceMilliseconds))))
        if state == .paused { outbox.append(.init(peer, .pause(true))) }
        if state == .done, hello.role != .learner {
            outbox.append(.init(peer, .stop(reason: "the run is done", exitCode: 0)))
        }
        logger.info("joined", metadata: ["worker": "\(peer)", "role": "\(hello.role.rawValue)"])
        journal.write([.event(kind: "joined", detail: peer.routingID)])
        publishSnapshot(force: true)
    }

    private func attempt(of job: JobID) -> Int {
        guard case .leased(let lease) = ledger.state(of: job) else { return 0 }
        return lease.attempt
    }

    private func heard(_ peer: WorkerID, _ time: Int64) {
        workers[peer]?.lastSeen = time
        if workers[peer]?.state == .suspect { workers[peer]?.state = .ready }
    }

    func leave(_ peer: WorkerID, reason: String, lost: Bool) {
        guard let record = workers[peer], record.state != .gone else { return }
        let jobs = ledger.release(peer)
        workers[peer]?.state = .gone
        workers[peer]?.left = now()
        if lost { lostTotal[record.hello.role, default: 0] += 1 }
        if batchRequest?.peer == peer { batchRequest = nil }
        endpoint.forget(peer)
        logger.info(
            lost ? "lost" : "left",
            metadata: ["worker": "\(peer)", "reason": "\(reason)", "jobs put back": "\(jobs.count)"])
        journal.write([.event(kind: lost ? "lost" : "left", detail: "\(peer.routingID): \(reason)")])
        // Keep the list of the gone short.
        let gone = workers.filter { $0.value.state == .gone }.sorted { $0.value.lastSeen < $1.value.lastSeen }
        for (id, _) in gone.dropLast(20) { workers[id] = nil }
        publishSnapshot(force: true)
    }

    private func renew(_ job: RenewedJob, by peer: WorkerID, _ time: Int64) {
        let deadline = time + Int64(configuration.leaseMilliseconds)
        if !ledger.renew(job.job, attempt: job.attempt, by: peer, tokens: job.tokens, deadline: deadline) {
            outbox.append(.init(peer, .cancel(job.job, attempt: job.attempt, reason: "the lease is over")))
        }
    }

    // MARK: - Results

    private func admit(
        _ outcome: JobOutcome, of job: JobID, attempt: Int, _ incoming: ServerEndpoint.Incoming, _ time: Int64
    ) {
        let peer = incoming.peer
        if case .failed(let code, let message, let retryable) = outcome {
            acknowledge(job, attempt, peer, .accepted)
            failed(job, attempt, peer, code: code, message: message, retryable: retryable)
            return
        }
        if let problem = problem(with: outcome, of: job) {
            acknowledge(job, attempt, peer, .stale)
            failed(job, attempt, peer, code: "invalid", message: problem, retryable: true)
            return
        }
        if case .trajectories(let items) = outcome, let excess = steps[job.step]?.excess(of: items, of: job.index) {
            acknowledge(job, attempt, peer, .stale)
            failed(job, attempt, peer, code: "configuration", message: excess, retryable: false)
            return
        }
        let (admission, cancelled) = ledger.complete(job)
        switch admission {
        case .stale: acknowledge(job, attempt, peer, .stale)
        case .duplicate:
            acknowledge(job, attempt, peer, .duplicate)
            journal.write([.duplicate(job, worker: peer.routingID, attempt: attempt)])
        case .accepted:
            if let (other, number) = cancelled, other != peer {
                outbox.append(.init(other, .cancel(job, attempt: number, reason: "another worker was first")))
            }
            keep(outcome, of: job, attempt: attempt, incoming, time)
        }
    }

    func problem(with outcome: JobOutcome, of job: JobID) -> String? {
        guard let step = steps[job.step] else { return nil }
        switch (outcome, job.kind) {
        case (.trajectories(let items), .generate): return step.problem(with: items, of: job.index)
        case (.scores(let scores), .score):
            guard configuration.parts.indices.contains(job.part) else { return "no such part" }
            let part = configuration.parts[job.part]
            return step.problem(with: scores, of: job.index, reference: part.reference, rewards: part.rewards)
        default: return "a result of another kind of job"
        }
    }

    private func keep(
        _ outcome: JobOutcome, of job: JobID, attempt: Int, _ incoming: ServerEndpoint.Incoming, _ time: Int64
    ) {
        let peer = incoming.peer
        workers[peer]?.jobsDone += 1
        workers[peer]?.unflushed += 1
        unflushed[job.step, default: 0] += 1
        switch outcome {
        case .trajectories(let items):
            let tokens = items.reduce(0) { $0 + $1.responseTokens.count }
            progress.tokens += tokens
            progress.trajectories += items.count
            progress.stepTokens[job.step, default: 0] += tokens
            progress.generateEnded[job.step] = time
            accept(items, of: job)
        case .scores(let scores): steps[job.step]?.add(scores, of: job.index, part: job.part)
        case .failed: return
        }
        // The acknowledgement leaves, and the slot is free, when the result is on disk; so does the answer to the
        // learner, which may only see what survives.
        let entry = Journal.Entry.result(job, worker: peer.routingID, attempt: attempt, frames: incoming.frames)
        journal.write([entry]) { [self] in assumeIsolated { $0.flushed(job, attempt, peer) } }
    }

    private func flushed(_ job: JobID, _ attempt: Int, _ peer: WorkerID) {
        guard !isOver else { return }
        workers[peer]?.unflushed -= 1
        unflushed[job.step, default: 1] -= 1
        acknowledge(job, attempt, peer, .accepted)
        answerBatchRequest()
        guard !needsAssignment else { return }
        // Many results become durable at once: assign once for all of them.
        needsAssignment = true
        endpoint.thread.perform { [self] in
            assumeIsolated {
                $0.needsAssignment = false
                $0.assign()
                $0.flush()
            }
        }
    }

    /// Many results become durable at once: their acknowledgements travel together.
    private func acknowledge(_ job: JobID, _ attempt: Int, _ peer: WorkerID, _ status: AckStatus) {
        acknowledgements[peer, default: []].append(Acknowledgement(job, attempt: attempt, status))
    }

    private func failed(
        _ job: JobID, _ attempt: Int, _ peer: WorkerID, code: String, message: String, retryable: Bool
    ) {
        if code == JobOutcome.draining {
            ledger.handBack(job, attempt: attempt, by: peer)
            return
        }
        logger.warning(
            "a job failed",
            metadata: ["job": "\(job)", "worker": "\(peer)", "code": "\(code)", "reason": "\(message)"])
        switch ledger.fail(job, attempt: attempt, by: peer, retryable: retryable) {
        case .ignored, .retried: break
        case .exhausted:
            let often = retryable ? " \(configuration.retries + 1) times" : ""
            let exit: Int32 = code == "configuration" ? 78 : 1
            fail(
                CoordinatorError("\(words(for: job)) failed\(often), last on \(peer.name): \(message)", exitCode: exit))
        }
    }

}
