extension RunMachine {
    /// Milliseconds from which on the status names the disk.
    private static let slowDisk: Int64 = 1_000

    /// What the status shows. The counters of transport and journal are not the machine's to know.
    package mutating func snapshot(at time: Int64) -> ClusterSnapshot {
        var snapshot = ClusterSnapshot(
            runId: runID, name: settings.name, epoch: epoch, state: life.state, startedMs: started, nowMs: time,
            steps: settings.steps)
        snapshot.learner = learner(time)
        for kind in JobKind.allCases { snapshot.queue[kind.rawValue] = queue(kind) }
        let all = members.all
        for role in Role.allCases {
            var counts = ClusterSnapshot.WorkerCounts()
            counts.desired = role == .learner ? 1 : desired[role] ?? 0
            counts.lostTotal = members.lostTotal[role] ?? 0
            for (id, member) in all where member.role == role { count(id, member, &counts) }
            snapshot.workers[role.rawValue] = counts
        }
        snapshot.workerList = all.map { worker($0.id, $0.member) }
        snapshot.weights = weights(all.filter { $0.member.isHere && $0.member.role == .generator })
        snapshot.rates = figures.rates(at: time)
        let perMinute = snapshot.rates.stepsPerMin
        if isMoving, perMinute > 0 {
            snapshot.etaS = Double(settings.steps - steps.committed) / perMinute * 60
        }
        snapshot.alarms = alarms.now(committed: steps.committed)
        snapshot.waits = waitList()
        snapshot.counters.tokensGeneratedTotal = figures.tokens
        snapshot.counters.refused = refused
        return snapshot
    }

    /// Whether somebody works, so that the time to the end means something: a worker at a job, or the learner at a step.
    private var isMoving: Bool {
        life.state == .running
            && (JobKind.allCases.contains { ledger.leasedCount($0) > 0 }
                || steps.request == nil && members.learner?.state == .ready)
    }

    private func learner(_ time: Int64) -> ClusterSnapshot.Learner {
        var learner = ClusterSnapshot.Learner()
        if let member = members.learner {
            learner.state = member.report?.state ?? member.state.rawValue
        }
        learner.step = steps.committed
        learner.version = versions.newest ?? 0
        learner.lastStepMs = figures.lastCommit
        learner.lastStepAgeS = figures.lastCommit.map { Double(time - $0) / 1000 }
        learner.kl = figures.metrics["actor/sequence_kl_k1"]
        learner.rewardMean = figures.metrics["critic/score/mean"]
        learner.metrics = figures.metrics
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

    private func count(_ id: WorkerID, _ member: Membership.Member, _ counts: inout ClusterSnapshot.WorkerCounts) {
        switch member.state {
        case .joining, .gone: break
        case .ready:
            counts.ready += 1
            if isBusy(id) { counts.busy += 1 }
        case .draining: counts.draining += 1
        case .suspect: counts.suspect += 1
        }
    }

    private func worker(_ id: WorkerID, _ member: Membership.Member) -> ClusterSnapshot.Worker {
        ClusterSnapshot.Worker(
            id: id.routingID, name: id.name, role: member.role.rawValue,
            state: member.state == .ready && isBusy(id) ? "busy" : member.state.rawValue, host: member.hello.host,
            pid: member.hello.pid, build: member.hello.build, slots: member.slots,
            jobs: ledger.leases(of: id).sorted().map(\.description),
            version: member.loaded[.policy]?.number ?? member.report?.version?.number,
            tokensPerS: member.report?.tokensPerSecond ?? 0, residentBytes: member.report?.residentBytes ?? 0,
            lastSeenMs: member.lastSeen, joinedMs: member.joined, jobsDone: member.jobsDone)
    }

    private func weights(_ generators: [(id: WorkerID, member: Membership.Member)]) -> ClusterSnapshot.Weights {
        var weights = ClusterSnapshot.Weights()
        weights.current = versions.newest ?? 0
        weights.bytes = versions.policy(weights.current)?.size ?? 0
        weights.oldestInUse = generators.compactMap { $0.member.loaded[.policy]?.number }.min() ?? weights.current
        weights.lagging = generators.filter { ($0.member.loaded[.policy]?.number ?? -1) < weights.current }
            .map(\.id.name)
        return weights
    }

    private func waitList() -> [ClusterSnapshot.Wait] {
        var list = waits.missing.map {
            ClusterSnapshot.Wait(
                who: "run", what: $0.who, sinceMs: waits.began($0), remedy: $0.remedy, role: $0.role?.rawValue)
        }
        if life.state == .paused, let since = life.pausedSince {
            list.append(
                ClusterSnapshot.Wait(
                    who: "run", what: "its operator, because it is paused", sinceMs: since,
                    remedy: "go on with: \(settings.program) resume\(runOption)"))
        }
        if let request = steps.request, let step = steps[request.step] {
            list.append(
                ClusterSnapshot.Wait(
                    who: "learner",
                    what: """
                        batch of step \(request.step + 1): \(step.trajectories.count) of \(step.jobs.count) jobs sampled, \
                        \(step.finished) of \(step.jobs.count) complete
                        """,
                    sinceMs: figures.lastCommit ?? started))
        } else if let request = steps.request {
            let version = settings.schedule.version(for: request.step)
            list.append(
                ClusterSnapshot.Wait(
                    who: "learner", what: "version \(version) of the policy, for step \(request.step + 1)",
                    sinceMs: figures.lastCommit ?? started))
        } else if life.state == .starting {
            list.append(ClusterSnapshot.Wait(who: "run", what: "the learner's first weights", sinceMs: started))
        } else if let learner = members.learner {
            list.append(
                ClusterSnapshot.Wait(
                    who: "run", what: "the learner: \(learner.report?.state ?? learner.state.rawValue)",
                    sinceMs: learner.changed))
        }
        if let since = diskSince, lastTurn - since > Self.slowDisk {
            list.append(ClusterSnapshot.Wait(who: "run", what: "the disk of the journal", sinceMs: since))
        }
        return list.sorted { ($0.who, $0.what) < ($1.who, $1.what) }
    }
}
