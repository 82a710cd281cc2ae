import Cluster
package import ClusterModel
import Foundation
import Logging

/// Who gets which job, and what is done when nobody can.
extension Coordinator {
    /// Milliseconds for which the status shows a worker that is gone.
    static let goneShown: Int64 = 60_000

    /// Hands pending jobs to workers with free slots. Steps in order, so that the oldest batch is complete first.
    func assign() {
        guard state == .running, stopDeadline == nil else { return }
        let time = now()
        for queue in ledger.queues.sorted(by: { ($0.kind, $0.part) < ($1.kind, $1.part) })
        where ledger.pendingCount(queue) > 0 {
            var free = candidates(for: queue)
            // One job each in turn, so that no worker sits idle while another has two.
            while !free.isEmpty, ledger.pendingCount(queue) > 0 {
                for (id, slots) in free where slots > 0 {
                    guard lease(queue, to: id, time) else { break }
                }
                free = free.compactMap { $0.1 > 1 ? ($0.0, $0.1 - 1) : nil }
            }
        }
    }

    private func candidates(for queue: JobLedger.Queue) -> [(WorkerID, Int)] {
        workers.compactMap { id, worker in
            guard worker.state == .ready || worker.state == .busy, !worker.isDraining,
                canDo(queue, worker.hello.capabilities)
            else { return nil }
            let free = worker.slots - ledger.leases(of: id).count - worker.unflushed
            return free > 0 ? (id, free) : nil
        }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    }

    func canDo(_ queue: JobLedger.Queue, _ capabilities: Capabilities) -> Bool {
        guard capabilities.kinds.contains(queue.kind) else { return false }
        guard queue.kind == .score, configuration.parts.indices.contains(queue.part) else { return true }
        return configuration.parts[queue.part].fits(capabilities)
    }

    private func lease(_ queue: JobLedger.Queue, to id: WorkerID, _ time: Int64) -> Bool {
        let isFirst = workers[id]?.jobsDone == 0
        let period = isFirst ? configuration.graceMilliseconds : configuration.leaseMilliseconds
        guard let (job, attempt) = ledger.lease(from: queue, to: id, deadline: time + Int64(period), now: time)
        else { return false }
        guard let payload = payload(of: job) else {
            // Its step is over: nothing to do for anybody.
            _ = ledger.complete(job)
            return true
        }
        if job.kind == .generate, progress.generateStarted[job.step] == nil {
            progress.generateStarted[job.step] = time
        }
        grants[id, default: []].append(Grant(payload, attempt: attempt, leaseMilliseconds: period))
        return true
    }

    private func payload(of job: JobID) -> Job? {
        guard let step = steps[job.step], step.jobs.indices.contains(job.index) else { return nil }
        switch job.kind {
        case .generate: return .generate(step.jobs[job.index])
        case .score:
            guard let items = step.trajectories[job.index], configuration.parts.indices.contains(job.part) else {
                return nil
            }
            let part = configuration.parts[job.part]
            var rows: [Int: RowData] = [:]
            if !part.rewards.isEmpty {
                for prompt in step.jobs[job.index].prompts where !prompt.data.isEmpty { rows[prompt.row] = prompt.data }
            }
            return .score(
                ScoreJob(
                    id: job, reference: part.reference, rewards: part.rewards,
                    temperature: configuration.sampling.temperature, trajectories: items, rows: rows))
        }
    }

    // MARK: - Time

    func expire(_ time: Int64) {
        for (job, lease) in ledger.expire(now: time) {
            logger.warning(
                "a lease ran out",
                metadata: ["job": "\(job)", "worker": "\(lease.worker)", "tokens": "\(lease.tokens)"])
            outbox.append(.init(lease.worker, .cancel(job, attempt: lease.attempt, reason: "the lease ran out")))
        }
        for (id, worker) in workers where worker.left.map({ time - $0 >= Self.goneShown }) == true { workers[id] = nil }
        let lease = Int64(configuration.leaseMilliseconds)
        for (id, worker) in workers where worker.state != .gone {
            let silent = time - worker.lastSeen
            if silent > 2 * lease {
                leave(id, reason: "silent for \(silent / 1000) s", lost: true)
            } else if silent > lease / 2, worker.state != .suspect, worker.state != .draining {
                workers[id]?.state = .suspect
            }
        }
    }

    // MARK: - Wishes of the operator

    package func drain(_ name: String) -> Bool {
        var found = false
        for (id, worker) in workers where (worker.hello.name == name || id.routingID == name) && worker.state != .gone {
            found = true
            workers[id]?.isDraining = true
            workers[id]?.state = .draining
            outbox.append(.init(id, .drain))
            journal.write([.event(kind: "drain", detail: id.routingID)])
        }
        flush()
        publishSnapshot(force: true)
        return found
    }

    package func scale(_ wishes: [Role: Int]) {
        desired.merge(wishes) { $1 }
        journal.write([.event(kind: "scale", detail: "\(wishes)")])
        publishSnapshot(force: true)
    }

    package func pause(_ paused: Bool) {
        guard state == .running || state == .paused else { return }
        state = paused ? .paused : .running
        for (id, worker) in workers where worker.state != .gone { outbox.append(.init(id, .pause(paused))) }
        journal.write([.event(kind: paused ? "paused" : "resumed", detail: "")])
        assign()
        flush()
        publishSnapshot(force: true)
    }

    /// The run can be gone on with later: everything committed is in the journal.
    package func requestStop() {
        guard stopDeadline == nil else { return }
        state = .draining
        journal.write([.event(kind: "stopped", detail: "\(committed) steps")])
        stop(
            .failure(CoordinatorError("stopped; start again to go on from step \(committed)", exitCode: 75)),
            reason: "stopped", exitCode: 75)
    }
}
