/// Who gets which job, and what the operator wants.
extension RunMachine {
    /// Hands pending jobs to workers with free slots. Steps in order, so that the oldest batch is complete first; one job
    /// each in turn, so that no worker sits idle while another has two.
    mutating func assign(_ time: Int64) {
        for id in members.takeChanged().union(ledger.takeChanged()).sorted() { note(id) }
        guard life.state == .running, gathering.hasEnough else { return }
        for queue in ledger.queues {
            var passedOver: [FreeWorkers.Entry] = []
            while ledger.pendingCount(queue) > 0, let next = free.next(where: { settings.canDo(queue, $0) }) {
                if lease(queue, to: next.id, time) {
                    note(next.id)
                } else {
                    // It has failed at all that is left.
                    passedOver.append(next)
                }
            }
            for entry in passedOver { free.put(entry) }
        }
    }

    private mutating func note(_ id: WorkerID) {
        guard let member = members[id] else { return free.forget(id) }
        let taken = ledger.taken(by: id)
        free.note(id, member.hello.capabilities, taken: taken, free: member.mayWork ? member.slots - taken : 0)
    }

    private mutating func lease(_ queue: JobLedger.Queue, to id: WorkerID, _ time: Int64) -> Bool {
        let isFirst = members[id]?.jobsDone == 0
        let period = isFirst ? settings.graceMilliseconds : settings.leaseMilliseconds
        let leased = ledger.lease(from: queue, to: id, deadline: time + Int64(period), now: time) { failed in
            members.contains(besides: failed) {
                $0.isPromising(at: time, grace: Int64(settings.graceMilliseconds))
                    && settings.canDo(queue, $0.hello.capabilities)
            }
        }
        guard let (job, attempt) = leased else { return false }
        guard let payload = steps.payload(of: job) else {
            // Its step is over: nothing to do for anybody.
            ledger.forget([job])
            return true
        }
        if job.kind == .generate { figures.generationStarted(job.step, at: time) }
        outbox.grant(id, Grant(payload, attempt: attempt, leaseMilliseconds: period))
        return true
    }

    // MARK: - Wishes

    package func knows(_ name: String) -> Bool { !members.named(name).isEmpty }
    /// A learner has no jobs to finish: a run is paused or stopped.
    package func canDrain(_ name: String) -> Bool {
        members.named(name).contains { members[$0]?.role != .learner }
    }

    mutating func carryOut(_ wish: RunWish, _ time: Int64) {
        switch wish {
        case .drain(let name):
            for id in members.named(name) where members[id]?.role != .learner {
                members.drain(id)
                outbox.add(id, .drain)
                persist(.event(kind: "drain", detail: id.routingID))
            }
        case .scale(let wishes):
            desired.merge(wishes) { $1 }
            for (role, count) in wishes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let value = "\(count) \(settings.desired[role] ?? 0)"
                persist(.meta(key: RecoveredRun.wishKey(role), value: value))
            }
            let text = wishes.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: " ")
            persist(.event(kind: "scale", detail: text))
        case .pause(let paused): pause(paused)
        case .stop: stop(time)
        case .lost(let name, let pid, let byItself):
            for id in members.named(name) where members[id]?.hello.pid == pid {
                leave(id, reason: "its process has ended", lost: true, isSeen: true, byItself: byItself, time)
            }
        }
        expose()
    }

    /// - Parameter limit: of the KL, when it was that which paused the run.
    mutating func pause(_ paused: Bool, over limit: Double? = nil) {
        if !life.isEnding, isPaused != paused {
            isPaused = paused
            persist(.meta(key: "paused", value: "\(paused)"))
            persist(.meta(key: Self.pausedOver, value: limit.map { "\($0)" } ?? ""))
        }
        guard life.pause(paused, at: lastTurn) else { return }
        waits.clear()
        for (id, _) in members.here { outbox.add(id, .pause(paused)) }
        persist(.event(kind: paused ? "paused" : "resumed", detail: ""))
        expose()
    }

    /// The run can be gone on with later: everything committed is in the journal.
    private mutating func stop(_ time: Int64) {
        let ending = RunEnding("stopped; start again to go on from step \(steps.committed)", exitCode: 75)
        guard life.stop(ending, at: time) else { return }
        persist(.event(kind: "stopped", detail: "\(steps.committed) steps"))
        tellAllToStop(reason: "stopped", exitCode: 75, includingLearner: true)
    }
}
