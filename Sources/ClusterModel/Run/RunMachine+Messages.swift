extension RunMachine {
    /// More than any honest worker counts or holds.
    private static let mostAttempts = 100_000
    private static let mostHeld = 64
    /// Key of the journal: after how many steps the policy was exported.
    static let exported = "exported"

    mutating func handle(_ incoming: Incoming, _ time: Int64) {
        let peer = incoming.peer
        if case .hello(let hello) = incoming.message {
            greet(hello, incoming, time)
            return
        }
        guard let member = members[peer], member.isHere else {
            refuse(incoming, Refusal(.hello, "say HELLO first"))
            return
        }
        guard incoming.epoch == epoch || settings.planted.contains(.forgetEpoch) else {
            refuse(incoming, Refusal(.epoch, "epoch \(incoming.epoch) is over, say HELLO"))
            return
        }
        guard incoming.message.senders.contains(member.role) else {
            log(.warning, "a message that its sender may not send", ["peer": "\(peer)", "role": member.role.rawValue])
            refuse(incoming, Refusal(.role, "a \(member.role.rawValue) may not send this message"))
            return
        }
        members.heard(peer, at: time)
        let gone = ledger.takeBack(by: peer, deadline: time + Int64(settings.leaseMilliseconds), now: time)
        for (job, attempt) in gone {
            outbox.add(peer, .cancel(job, attempt: attempt, reason: "it went to another worker"))
        }
        switch incoming.message {
        case .credit(let slots): members.grant(slots: slots, to: peer)
        case .renewal(let jobs): for job in jobs { renew(job, by: peer, time) }
        case .result(let job, let attempt, let outcome): admit(outcome, of: job, attempt: attempt, incoming, time)
        case .loaded(let kind, let version):
            // A worker may name no kinds that do not exist.
            if versions.has(kind) { members.load(kind, version, by: peer) }
        case .report(let report):
            members.report(report, from: peer, at: time)
            if report.state == WorkerReport.idle { putBackLost(by: peer, time) }
            // It was not told, or has forgotten.
            if member.state == .draining, report.state != WorkerReport.draining { outbox.add(peer, .drain) }
            if report.state == WorkerReport.paused, life.state == .running { outbox.add(peer, .pause(false)) }
            if member.role == .learner { tellKeysAgain(time) }
        case .bye(let reason): leave(peer, reason: reason, lost: false, time)
        case .alarm(let code, let detail): alarm(code, detail, time)
        case .publish(let manifests, let checkpoint): publish(manifests, checkpoint: checkpoint, incoming, time)
        case .batchRequest(let step): requestBatch(of: step, incoming)
        case .fetchJobs(let step, let first): fetch(step, first, incoming)
        case .commit(let step, let metrics, let manifest, let checkpoint):
            commit(step, metrics, manifest, checkpoint: checkpoint, incoming, time)
        default: break
        }
    }

    // MARK: - Membership

    private mutating func greet(_ hello: Hello, _ incoming: Incoming, _ time: Int64) {
        guard hello.protocolMin <= Wire.version, Wire.version <= hello.protocolMax else {
            let theirs = "\(hello.protocolMin) to \(hello.protocolMax)"
            refuse(
                incoming,
                Refusal(
                    .protocol,
                    """
                    this coordinator speaks protocol \(Wire.version), \(hello.name) speaks \(theirs); install the same \
                    version of Skein on both sides
                    """))
            return
        }
        guard !members.isReplaced(incoming.peer) else {
            refuse(
                incoming,
                Refusal(
                    .replaced,
                    "another process has joined as \(hello.name) after this one; give each worker a name of its own"))
            return
        }
        if members.isLate(incoming.peer, greeting: incoming.id) { return }
        guard members.rivals(of: hello).isEmpty else {
            claims.add(hello, greeting: incoming.id, at: time)
            return settleClaims(time)
        }
        join(hello, answering: incoming.id, said: time, time)
    }

    /// Who may have the name of another, and who may not.
    mutating func settleClaims(_ time: Int64) {
        claims.passTime(time)
        let doubt = RunSettings.doubt(leaseMilliseconds: Int64(settings.leaseMilliseconds))
        for claim in claims.all {
            let seen = members.rivals(of: claim.hello).compactMap { members[$0] }
            if let alive = seen.first(where: { claim.isRefuted(byOneHeardAt: $0.lastSeen) }) {
                claims.end(claim.hello.id)
                refuse(claim, beside: alive)
            } else if seen.allSatisfy({ time - $0.lastSeen > doubt }) {
                join(claim.hello, answering: claim.greeting, said: claim.said, time)
            }
        }
    }

    private mutating func refuse(_ claim: Claims.Claim, beside other: Membership.Member) {
        let place = "process \(other.hello.pid) on \(other.hello.host)"
        let text =
            claim.hello.role == .learner
            ? "the run has a learner already, \(place); end it first"
            : "\(place) works as \(other.hello.name) already; give each worker a name of its own (--name)"
        log(.warning, "a name is taken", ["worker": "\(claim.hello.id)", "by": place])
        refuse(claim.hello.id, Refusal(.taken, text), inReplyTo: claim.greeting)
    }

    private mutating func join(_ hello: Hello, answering id: UInt64, said: Int64, _ time: Int64) {
        let peer = hello.id
        claims.end(peer)
        for old in members.join(hello, greeting: id, said: said, at: time) {
            leave(old, reason: "replaced by a new process", lost: true, byItself: true, time)
        }
        // It says by itself what it still has; a lease that was sent when its connection was lost is not among that.
        ledger.endSilence(of: peer)
        for job in ledger.leases(of: peer).sorted() where !hello.heldJobs.contains(where: { $0.job == job }) {
            // It lost the lease message with the connection.
            if case .leased(let lease) = ledger.state(of: job) {
                ledger.handBack(job, attempt: lease.attempt, by: peer)
            }
        }
        for held in hello.heldJobs where !held.finished {
            let deadline = time + Int64(settings.leaseMilliseconds)
            let mayHold =
                settings.canDo(JobLedger.Queue(held.job), hello.capabilities)
                && held.attempt < Self.mostAttempts && ledger.leases(of: peer).count < Self.mostHeld
            if mayHold, ledger.adopt(held.job, attempt: held.attempt, by: peer, deadline: deadline, now: time) {
                continue
            }
            if !ledger.leases(of: peer).contains(held.job) {
                outbox.add(peer, .cancel(held.job, attempt: held.attempt, reason: "not yours any more"))
            }
        }
        outbox.add(
            peer,
            .welcome(
                Welcome(
                    runID: runID, epoch: epoch, setup: settings.setups[hello.role],
                    artifacts: versions.announced(to: hello.role), leaseMilliseconds: settings.leaseMilliseconds,
                    graceMilliseconds: settings.graceMilliseconds)), inReplyTo: id)
        if hello.role == .learner { tellKeys(time) }
        // Always said to a learner: it may have missed a resumption.
        if life.state == .paused || hello.role == .learner { outbox.add(peer, .pause(life.state == .paused)) }
        if life.isEnding, life.state != .done || hello.role != .learner {
            let reason = life.ending?.message ?? Self.doneReason
            outbox.add(peer, .stop(reason: reason, exitCode: Int(life.ending?.exitCode ?? 0)))
        }
        log(.info, "joined", ["worker": "\(peer)", "role": hello.role.rawValue])
        persist(.event(kind: "joined", detail: peer.routingID))
        expose()
    }

    mutating func leave(
        _ peer: WorkerID, reason: String, lost: Bool, isSeen: Bool = false, byItself: Bool = false, _ time: Int64
    ) {
        let member = members[peer]
        guard members.leave(peer, lost: lost, at: time) else { return }
        let running = ledger.running(at: peer) ?? member?.leftBehind
        let jobs = ledger.release(peer)
        if lost { lose(running, with: peer, died: byItself, isSeen: isSeen, time) }
        if steps.request?.peer == peer { steps.request = nil }
        if !lost, reason == Message.finished, member?.role == .learner, steps.isLastCommitted {
            // One that was started again while the learner exported the policy has not heard of the end yet.
            finish()
            persist(.meta(key: Self.exported, value: "\(steps.committed)"))
            life.exported(at: time)
        }
        forget(peer)
        var details = ["worker": "\(peer)", "reason": reason, "jobs put back": "\(jobs.count)"]
        if lost, let running { details["job"] = "\(running)" }
        log(.info, lost ? "lost" : "left", details)
        persist(.event(kind: lost ? "lost" : "left", detail: "\(peer.routingID): \(reason)"))
        expose()
    }

    // MARK: - Results

    private mutating func renew(_ job: RenewedJob, by peer: WorkerID, _ time: Int64) {
        let deadline = time + Int64(settings.leaseMilliseconds)
        members.proveAlive(peer)
        if !ledger.renew(job.job, attempt: job.attempt, by: peer, tokens: job.tokens, deadline: deadline, now: time) {
            outbox.add(peer, .cancel(job.job, attempt: job.attempt, reason: "the lease is over"))
        }
    }

    /// A message may be lost though the connection holds: the lease, or the result.
    private mutating func putBackLost(by peer: WorkerID, _ time: Int64) {
        let doubt = RunSettings.doubt(leaseMilliseconds: Int64(settings.leaseMilliseconds))
        let jobs = ledger.putBackLost(by: peer, before: time - doubt)
        guard !jobs.isEmpty else { return }
        let names = jobs.map(\.description).joined(separator: ", ")
        log(.info, "a worker with leases does nothing; they go to others", ["worker": "\(peer)", "jobs": names])
    }

    private mutating func admit(
        _ outcome: JobOutcome, of job: JobID, attempt: Int, _ incoming: Incoming, _ time: Int64
    ) {
        let peer = incoming.peer
        guard let member = members[peer], settings.canDo(JobLedger.Queue(job), member.hello.capabilities) else {
            outbox.acknowledge(peer, job, attempt: attempt, .stale)
            log(.warning, "a result of a job that its sender cannot do", ["job": "\(job)", "worker": "\(peer)"])
            return
        }
        if case .failed(let code, let message, let retryable) = outcome {
            outbox.acknowledge(peer, job, attempt: attempt, .accepted)
            failed(job, attempt, peer, code: code, message: message, retryable: retryable, time)
            return
        }
        if let problem = steps.problem(with: outcome, of: job) {
            outbox.acknowledge(peer, job, attempt: attempt, .stale)
            failed(job, attempt, peer, code: "invalid", message: problem, retryable: true, time)
            return
        }
        if case .trajectories(let items) = outcome, let excess = steps[job.step]?.excess(of: items, of: job.index) {
            outbox.acknowledge(peer, job, attempt: attempt, .stale)
            failed(job, attempt, peer, code: "configuration", message: excess, retryable: false, time)
            return
        }
        var (admission, cancelled) = ledger.complete(job, by: peer)
        if admission == .duplicate, settings.planted.contains(.acceptTwice) { admission = .accepted }
        members.proveAlive(peer)
        switch admission {
        case .stale: outbox.acknowledge(peer, job, attempt: attempt, .stale)
        case .duplicate:
            // The first result may not be on disk yet: then its acknowledgement is for it, and this one waits with it.
            if case .arrived = ledger.state(of: job) {
                persist(.duplicate(job), then: .result(job, attempt: attempt, peer, .duplicate))
            } else {
                outbox.acknowledge(peer, job, attempt: attempt, .duplicate)
                persist(.duplicate(job))
            }
        case .accepted:
            if let (other, number) = cancelled, other != peer || number != attempt {
                outbox.add(other, .cancel(job, attempt: number, reason: "another worker was first"))
            }
            members.finishJob(peer)
            if case .trajectories(let items) = outcome { figures.generated(items, of: job.step, at: time) }
            for next in steps.add(outcome, of: job) { ledger.add(next) }
            persist(
                .result(job, worker: peer.routingID, attempt: attempt, outcome, frames: incoming.frames),
                then: .result(job, attempt: attempt, peer, .accepted))
            if settings.planted.contains(.acknowledgeBeforeDurable) {
                outbox.acknowledge(peer, job, attempt: attempt, .accepted)
            }
        }
    }

    private mutating func failed(
        _ job: JobID, _ attempt: Int, _ peer: WorkerID, code: String, message: String, retryable: Bool, _ time: Int64
    ) {
        if code == JobOutcome.draining {
            ledger.handBack(job, attempt: attempt, by: peer)
            members.grant(slots: 0, to: peer)
            return
        }
        log(.warning, "a job failed", ["job": "\(job)", "worker": "\(peer)", "code": code, "reason": message])
        if code == JobOutcome.unserved, !isServed(job) {
            // Whoever gets the job meets the same: the learner is away, or repeats the steps before the version. Either shows
            // in the status.
            ledger.handBack(job, attempt: attempt, by: peer)
            members.rest(peer, at: time)
            return
        }
        // It gets nothing more until it says that it is idle; a worker that fails at once would try every job first.
        members.rest(peer, at: time)
        let queue = JobLedger.Queue(job)
        let failure = ledger.fail(job, attempt: attempt, by: peer, retryable: retryable) { failed in
            members.contains(besides: failed) {
                $0.state != .draining && settings.canDo(queue, $0.hello.capabilities)
            }
        }
        switch failure {
        case .ignored, .retried: break
        case .exhausted:
            let often = retryable ? " \(settings.retries + 1) times" : ""
            let what = "\(words(for: job)) failed\(often), last on \(peer.name): \(message)"
            let isForeign =
                job.kind == .score && settings.parts.indices.contains(job.part) && !settings.parts[job.part].isBuiltIn
            // A worker of another maker is mended beside the run, which goes on then.
            let ending =
                isForeign
                ? RunEnding("\(what). Mend the reward worker, and call the same command again", exitCode: 75)
                : RunEnding(what, exitCode: code == "configuration" ? 78 : 1)
            fail(ending, time)
        }
    }
}

extension Message {
    /// Who may send it to a coordinator.
    package var senders: Set<Role> {
        switch self {
        case .hello, .report, .bye: [.generator, .scorer, .learner]
        case .credit, .renewal, .result, .loaded: [.generator, .scorer]
        case .publish, .batchRequest, .fetchJobs, .commit, .alarm: [.learner]
        case .welcome, .refused, .publishAck, .lease, .cancel, .resultAck, .drain, .artifact, .stop, .pause,
            .peers, .batchReady, .batchJobs,
            .commitAck, .chunkRequest, .chunk:
            []
        }
    }
}
