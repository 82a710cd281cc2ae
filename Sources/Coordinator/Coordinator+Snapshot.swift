import Cluster
import ClusterModel
import Foundation

extension Coordinator {
    func makeSnapshot(_ time: Int64) -> ClusterSnapshot {
        var snapshot = ClusterSnapshot(
            runId: runId, name: configuration.name, epoch: epoch, state: state, startedMs: startedMs, nowMs: time,
            steps: configuration.steps)
        snapshot.learner = learner(time)
        for kind in JobKind.allCases { snapshot.queue[kind.rawValue] = queue(kind) }
        for role in Role.allCases { snapshot.workers[role.rawValue] = counts(role) }
        snapshot.workerList = workers.sorted { $0.key < $1.key }.map { worker($0.key, $0.value) }
        snapshot.weights = weights()
        snapshot.rates = rates(time)
        if state == .running, let perMinute = Optional(snapshot.rates.stepsPerMin), perMinute > 0 {
            snapshot.etaS = Double(configuration.steps - committed) / perMinute * 60
        }
        snapshot.alarms = alarms
        snapshot.waits = waits(time)
        let traffic = endpoint.counters
        snapshot.counters.receivedBytes = traffic.receivedBytes
        snapshot.counters.sentBytes = traffic.sentBytes
        snapshot.counters.malformed = traffic.malformed
        snapshot.counters.muted = traffic.muted
        snapshot.counters.refused = traffic.refused
        snapshot.counters.tokensGeneratedTotal = progress.tokens
        let statistics = journal.statistics
        snapshot.counters.journalCommits = statistics.commits
        snapshot.counters.journalCommitSeconds = statistics.seconds
        snapshot.counters.journalBytes = journal.size
        return snapshot
    }

    private func learner(_ time: Int64) -> ClusterSnapshot.Learner {
        var learner = ClusterSnapshot.Learner()
        let record = workers.values.first { $0.hello.role == .learner && $0.state != .gone }
        if let record { learner.state = record.report?.state ?? record.state.rawValue }
        learner.step = committed
        learner.version = manifests[.policy]?.keys.max() ?? 0
        learner.lastStepMs = progress.lastCommit
        learner.lastStepAgeS = progress.lastCommit.map { Double(time - $0) / 1000 }
        learner.kl = progress.metrics["actor/sequence_kl_k1"]
        learner.rewardMean = progress.metrics["critic/score/mean"]
        learner.metrics = progress.metrics
        learner.dropCause = progress.dropCause
        return learner
    }

    private func queue(_ kind: JobKind) -> ClusterSnapshot.Queue {
        var queue = ClusterSnapshot.Queue()
        queue.pending = ledger.pendingCount(kind)
        queue.leased = ledger.leasedCount(kind)
        queue.retrying = ledger.retrying(kind)
        queue.doneTotal = ledger.completedTotal[kind] ?? 0
        queue.duplicatesTotal = ledger.duplicates[kind] ?? 0
        queue.staleTotal = ledger.staleTotal[kind] ?? 0
        queue.retriesTotal = ledger.retries[kind] ?? 0
        queue.leaseExpirationsTotal = ledger.expirations[kind] ?? 0
        return queue
    }

    private func isBusy(_ id: WorkerID) -> Bool { !ledger.leases(of: id).isEmpty }

    private func counts(_ role: Role) -> ClusterSnapshot.WorkerCounts {
        var counts = ClusterSnapshot.WorkerCounts()
        counts.desired = role == .learner ? 1 : desired[role] ?? 0
        counts.lostTotal = lostTotal[role] ?? 0
        for (id, worker) in workers where worker.hello.role == role {
            switch worker.state {
            case .joining, .gone: break
            case .ready, .busy:
                counts.ready += 1
                if isBusy(id) { counts.busy += 1 }
            case .draining: counts.draining += 1
            case .suspect: counts.suspect += 1
            }
        }
        return counts
    }

    private func worker(_ id: WorkerID, _ record: WorkerRecord) -> ClusterSnapshot.Worker {
        let state = record.state == .ready && isBusy(id) ? WorkerRecord.State.busy : record.state
        return ClusterSnapshot.Worker(
            id: id.routingID, name: id.name, role: record.hello.role.rawValue, state: state.rawValue,
            host: record.hello.host, pid: record.hello.pid, build: record.hello.build, slots: record.slots,
            jobs: ledger.leases(of: id).sorted().map(\.description),
            version: record.loaded[.policy]?.number ?? record.report?.version?.number,
            tokensPerS: record.report?.tokensPerSecond ?? 0, residentBytes: record.report?.residentBytes ?? 0,
            lastSeenMs: record.lastSeen, joinedMs: record.joined, jobsDone: record.jobsDone)
    }

    private func weights() -> ClusterSnapshot.Weights {
        var weights = ClusterSnapshot.Weights()
        weights.current = manifests[.policy]?.keys.max() ?? 0
        weights.bytes = manifests[.policy]?[weights.current]?.size ?? 0
        let generators = workers.filter { $0.value.hello.role == .generator && $0.value.state != .gone }
        weights.oldestInUse = generators.compactMap { $0.value.loaded[.policy]?.number }.min() ?? weights.current
        weights.lagging = generators.filter { ($0.value.loaded[.policy]?.number ?? -1) < weights.current }
            .map(\.key.name).sorted()
        return weights
    }

    private func rates(_ time: Int64) -> ClusterSnapshot.Rates {
        var rates = ClusterSnapshot.Rates()
        progress.tokenMarks.append((time, progress.tokens, progress.trajectories))
        progress.tokenMarks.removeAll { time - $0.time > 30_000 }
        if let first = progress.tokenMarks.first, time > first.time {
            let seconds = Double(time - first.time) / 1000
            rates.tokensPerS = Double(progress.tokens - first.tokens) / seconds
            rates.trajectoriesPerS = Double(progress.trajectories - first.trajectories) / seconds
        }
        let recent = progress.commits.suffix(10)
        if recent.count > 1, let first = recent.first, let last = recent.last, last > first {
            rates.stepsPerMin = Double(recent.count - 1) / Double(last - first) * 60_000
        }
        return rates
    }

    private func waits(_ time: Int64) -> [ClusterSnapshot.Wait] {
        var waits = missing.map { missing in
            ClusterSnapshot.Wait(
                who: "run", what: missing.who, sinceMs: missing.since, remedy: missing.remedy,
                role: missing.role?.rawValue)
        }
        if let request = batchRequest, let step = steps[request.step] {
            waits.append(
                ClusterSnapshot.Wait(
                    who: "learner",
                    what: "batch of step \(request.step): \(step.trajectories.count) of \(step.jobs.count) generated",
                    sinceMs: progress.lastCommit ?? startedMs))
        } else if state == .starting {
            waits.append(
                ClusterSnapshot.Wait(who: "run", what: "the learner's first weights", sinceMs: startedMs))
        }
        return waits.sorted { ($0.who, $0.what) < ($1.who, $1.what) }
    }

    /// The figures of a committed step: the learner's and the coordinator's own.
    func record(_ step: Int, _ metrics: Data) -> [String: Double] {
        let time = now()
        var figures: [String: Double] = [:]
        if let object = try? JSONSerialization.jsonObject(with: metrics) as? [String: Any] {
            let inner = object["metrics"] as? [String: Any] ?? object
            for (key, value) in inner { if let number = value as? NSNumber { figures[key] = number.doubleValue } }
        }
        if let from = progress.generateStarted[step], let to = progress.generateEnded[step], to > from {
            let seconds = Double(to - from) / 1000
            figures["timing_s/gen"] = seconds
            figures["perf/gen_tokens_per_s"] = Double(progress.stepTokens[step] ?? 0) / seconds
        }
        if let last = progress.lastCommit { figures["timing_s/total"] = Double(time - last) / 1000 }
        figures["rollout/staleness"] = Double(step - configuration.schedule.version(for: step))
        progress.generateStarted[step] = nil
        progress.generateEnded[step] = nil
        progress.stepTokens[step] = nil
        progress.lastCommit = time
        progress.commits.append(time)
        if progress.commits.count > 100 { progress.commits.removeFirst() }
        progress.metrics = figures
        return figures
    }
}
