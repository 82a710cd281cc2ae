import DequeModule

/// Every decision of the coordinator, as a value: leases jobs, admits results, assembles batches for the learner,
/// announces weights, and knows when the run is over.
///
/// No clock, socket, file or task, and no order of a dictionary in anything that can be seen: the same events at the same
/// times give the same effects. Each part owns its state alone; this type routes between them:
///
/// - ``Membership``: who is here. ``JobLedger``: who does what. ``FreeWorkers``: who is next. ``Steps``: what each batch still needs.
/// - ``Versions``: what can be pulled. ``Gathering``: whether enough are here to begin. ``Waits``: what is missing since when.
///   ``Lifecycle``: where the run stands.
/// - ``Alarms``: what people should look at.
/// - ``RunFigures``: rates. ``Outbox``: what this turn has to say.
///
/// Durability is an event: what may only happen once the disk knows (an acknowledgement, a batch, a commit, a new version)
/// waits in `awaiting` for ``RunEvent/durable(_:)``.
package struct RunMachine: Sendable {
    /// What happens once an entry is on disk.
    enum Consequence: Sendable {
        case result(JobID, attempt: Int, WorkerID, AckStatus)
        case published([ArtifactManifest], by: WorkerID, UInt64)
        case committed
        /// A step that was committed before, by a learner that serves the version elsewhere now.
        case repeated(step: Int, ArtifactManifest, by: WorkerID, UInt64)
        case withdrawn(RunEnding)
        case skipped(JobID)
    }

    package let runID: String
    package let epoch: UInt64
    /// Where workers reach the coordinator, for messages to people.
    package let address: String
    let settings: RunSettings
    let started: Int64

    var members: Membership
    var ledger: JobLedger
    var free = FreeWorkers()
    var steps: Steps
    var versions = Versions()
    var waits = Waits()
    var gathering: Gathering
    var life = Lifecycle()
    var figures = RunFigures()
    var casualties = Casualties()
    var claims = Claims()
    var outbox = Outbox()
    var desired: [Role: Int]
    var alarms = Alarms()
    /// Who may pull from the learner; nil where connections have no keys.
    private(set) var peerKeys: [PeerKey]?
    /// When the learner was last told of them.
    private var keysTold: Int64 = 0
    /// Milliseconds after which it is told again: a message may be lost though the connection holds.
    private static let keysPeriod: Int64 = 5_000
    /// Messages that were refused.
    private(set) var refused: UInt64 = 0
    /// As the operator left it, before the run begins too.
    var isPaused: Bool

    /// In the journal: the limit of the KL that paused the run; empty when the operator did.
    static let pausedOver = "paused_over"
    /// Milliseconds between two turns that only a standstill explains; ticks come twenty times a second.
    private static let longestTurn: Int64 = 2_000

    private(set) var lastTurn: Int64
    private var effects: [RunEffect] = []
    private var entries: [JournalEntry] = []
    private var number: UInt64 = 0
    private var awaiting: Deque<(number: UInt64, then: Consequence, since: Int64)> = []
    private var isExposed = false

    /// Goes on from what the journal says.
    ///
    /// - Throws: ``RunEnding`` when a result of the journal does not fit the settings.
    package init(
        _ settings: RunSettings, recovered: RecoveredRun, inputs: String = "", address: String = "", at time: Int64
    ) throws {
        self.settings = settings
        self.address = address
        epoch = recovered.epoch
        started = time
        lastTurn = time
        figures.begin(at: time)
        runID = recovered.meta["run_id"] ?? "\(settings.name)-\(String(time, radix: 36))"
        desired = settings.desired
        for (role, wish) in recovered.wishes where wish.of == desired[role] { desired[role] = wish.count }
        let wasPaused = recovered.meta["paused"] == "true"
        // Somebody who writes another limit has looked, and wants to go on.
        let limit = recovered.meta[Self.pausedOver] ?? ""
        isPaused = wasPaused && (limit.isEmpty || limit == settings.klStop.map { "\($0)" })
        members = Membership(lease: Int64(settings.leaseMilliseconds))
        ledger = JobLedger(retriesAllowed: settings.retries)
        steps = Steps(settings, recovered)
        gathering = Gathering(settings, committed: recovered.committedSteps)
        if wasPaused, !isPaused {
            persist(.meta(key: "paused", value: "false"))
            log(.info, "no longer paused: ppo.kl_stop has changed", ["was": limit])
        }
        if recovered.meta["run_id"] == nil { persist(.meta(key: "run_id", value: runID)) }
        if recovered.checkpoint == nil { persist(.checkpoint(steps.checkpoint)) }
        if recovered.meta["inputs"] == nil, !inputs.isEmpty { persist(.meta(key: "inputs", value: inputs)) }
        // The run file says something else since: the wish is over, and does not come back with the old count.
        for (role, wish) in recovered.wishes where wish.of != settings.desired[role] {
            persist(.meta(key: RecoveredRun.wishKey(role), value: ""))
        }
        for manifest in recovered.manifests { versions.add(manifest) }
        retireVersions()
        log(.info, "coordinator", ["address": address, "committed": "\(steps.committed)", "epoch": "\(epoch)"])
        // A learner that is still alive serves what the journal lists.
        openSteps()
        try restore(recovered)
        // Nothing is left to do when the policy was exported before the last process ended.
        if settings.isExported, steps.isLastCommitted, recovered.meta[Self.exported] == "\(steps.committed)" {
            finish()
            life.exported(at: time)
        }
    }

    private mutating func restore(_ recovered: RecoveredRun) throws {
        for (id, items) in recovered.trajectories.sorted(by: { $0.key < $1.key }) where steps.batch(of: id.step) != nil
        {
            try restore(.trajectories(items), of: id, "prompts or the rollout")
        }
        for (id, scores) in recovered.scores.sorted(by: { $0.key < $1.key }) where steps.batch(of: id.step) != nil {
            try restore(.scores(scores), of: id, "rewards or the reference")
        }
        for job in recovered.skipped where steps.batch(of: job.step) != nil {
            ledger.forget(steps.giveUp(job) ?? [])
            steps.skip(job)
        }
    }

    private mutating func restore(_ outcome: JobOutcome, of job: JobID, _ sections: String) throws {
        let isOpen = steps[job.step] != nil
        if let problem = isOpen ? steps.problem(with: outcome, of: job) : steps.problem(withKept: outcome, of: job) {
            throw RunEnding(
                """
                the journal has a result of \(words(for: job)) that does not fit this run file: \(problem); the \
                \(sections) section has changed since; restore it, or start anew with --fresh
                """, exitCode: 78)
        }
        guard isOpen else { return steps.restoreKept(outcome, of: job) }
        ledger.restoreCompleted(job)
        for next in steps.add(outcome, of: job) { ledger.add(next) }
    }

    /// True when nothing that happens changes anything any more.
    package var isOver: Bool { life.isOver }
    package var state: ClusterSnapshot.RunState { life.state }

    // MARK: - Turn

    package mutating func handle(_ event: RunEvent, at time: Int64) -> [RunEffect] {
        guard !life.isOver else { return [] }
        standStill(until: time)
        switch event {
        case .messages(let batch): for incoming in batch { handle(incoming, time) }
        case .tick: passTime(time)
        case .durable(let number): becomeDurable(upTo: number, time)
        case .failed(let ending): fail(ending, time)
        case .wish(let wish): carryOut(wish, time)
        case .keys(let keys):
            peerKeys = keys
            tellKeys(time)
        case .revoked(let peers):
            for peer in peers { leave(peer, reason: "its key was revoked", lost: true, isSeen: true, time) }
        }
        assign(time)
        return takeEffects()
    }

    /// A machine that was suspended, or a process that was stopped, has not seen anybody be silent: deadlines move by the
    /// time for which this one stood still itself.
    private mutating func standStill(until time: Int64) {
        defer { lastTurn = max(lastTurn, time) }
        let gap = time - lastTurn
        guard gap > Self.longestTurn else { return }
        log(.warning, "the coordinator stood still", ["for": "\(gap / 1000) s"])
        members.shift(by: gap)
        claims.shift(by: gap)
        ledger.shift(by: gap)
        waits.shift(by: gap)
        life.shift(by: gap)
    }

    /// What the beginning has to say and to persist.
    package mutating func begin() -> [RunEffect] {
        expose()
        return takeEffects()
    }

    private mutating func takeEffects() -> [RunEffect] {
        if !entries.isEmpty {
            effects.insert(.persist(entries, number), at: 0)
            entries = []
            number += 1
        }
        let messages = outbox.take { [members] in members[$0]?.hello.takesAcknowledgements ?? false }
        if !messages.isEmpty { effects.append(.send(messages)) }
        // Once a turn, however much has changed: each is as much work as there are workers.
        if isExposed { effects.append(.expose) }
        isExposed = false
        defer { effects = [] }
        return effects
    }

    private mutating func passTime(_ time: Int64) {
        let expired = ledger.expire(now: time)
        let running = Dictionary(expired.map { ($0.lease.worker, $0.lease.number) }, uniquingKeysWith: min)
        for (job, lease) in expired {
            log(
                .warning, "a lease ran out",
                ["job": "\(job)", "worker": "\(lease.worker)", "tokens": "\(lease.tokens)"])
            outbox.add(lease.worker, .cancel(job, attempt: lease.attempt, reason: "the lease ran out"))
            members.stall(lease.worker)
            // What waited behind it has done nothing.
            if running[lease.worker] == lease.number { expire(job, in: lease.worker, time) }
            // Perhaps it waits for weights of which it was not told.
            if let role = members[lease.worker]?.role {
                for manifest in versions.announced(to: role) { outbox.add(lease.worker, .artifact(manifest)) }
            }
        }
        let (suspect, lost) = members.passTime(time)
        for id in suspect {
            let left = ledger.handOn(from: id) { [members, settings] queue in
                members.count { settings.canDo(queue, $0.hello.capabilities) }
            }
            members.leaveBehind(left, by: id)
        }
        settleClaims(time)
        for (id, silent) in lost { leave(id, reason: "silent for \(silent / 1000) s", lost: true, time) }
        checkWaits(time)
        watchLearner(time)
        if life.passTime(time, isEmpty: members.isEmpty) {
            effects.append(.expose)
            effects.append(.end(life.ending))
        }
    }

    private mutating func becomeDurable(upTo number: UInt64, _ time: Int64) {
        while let first = awaiting.first, first.number <= number {
            awaiting.removeFirst()
            switch first.then {
            case .result(let job, let attempt, let peer, let status):
                ledger.becomeDurable(job)
                outbox.acknowledge(peer, job, attempt: attempt, status)
            case .published(let manifests, let peer, let ask):
                outbox.add(peer, .publishAck(committed: steps.durable), inReplyTo: ask)
                announce(manifests, time)
            case .repeated(let step, let manifest, let peer, let ask):
                outbox.add(peer, .commitAck(step: step), inReplyTo: ask)
                announce([manifest], time)
            case .committed: commitIsDurable(time)
            case .withdrawn(let ending): fail(ending, time)
            case .skipped(let job): steps.skip(job)
            }
        }
        answerBatchRequest()
    }

    // MARK: - What parts say

    mutating func persist(_ entry: JournalEntry, then consequence: Consequence? = nil) {
        entries.append(entry)
        if let consequence { awaiting.append((number, consequence, lastTurn)) }
    }

    mutating func log(_ level: RunLog.Level, _ message: String, _ details: [String: String] = [:]) {
        effects.append(.log(RunLog(level: level, message: message, details: details)))
    }

    /// Since when something waits for the disk; nil when nothing does.
    var diskSince: Int64? { awaiting.first?.since }

    mutating func expose() { isExposed = true }
    mutating func record(_ record: StepRecord) { effects.append(.record(record)) }
    mutating func forget(_ peer: WorkerID) { effects.append(.forget(peer)) }

    /// The exchange is over; the run goes on.
    mutating func refuse(_ incoming: Incoming, _ refusal: Refusal) {
        refuse(incoming.peer, refusal, inReplyTo: incoming.id)
    }

    mutating func refuse(_ peer: WorkerID, _ refusal: Refusal, inReplyTo id: UInt64) {
        refused += 1
        outbox.add(peer, .refused(code: refusal.code.rawValue, message: refusal.message), inReplyTo: id)
    }

    /// The learner serves the weights, and admits to them whom the coordinator admits.
    mutating func tellKeys(_ time: Int64) {
        guard let peerKeys else { return }
        keysTold = time
        for (id, member) in members.here where member.role == .learner { outbox.add(id, .peers(peerKeys)) }
    }

    mutating func tellKeysAgain(_ time: Int64) { if time - keysTold >= Self.keysPeriod { tellKeys(time) } }

    // MARK: - Ending

    /// Edge 4 of ``Lifecycle``.
    mutating func fail(_ ending: RunEnding, _ time: Int64) {
        guard life.fail(ending, at: time) else { return }
        log(.critical, ending.message)
        persist(.event(kind: "failed", detail: ending.message))
        tellAllToStop(reason: ending.message, exitCode: Int(ending.exitCode), includingLearner: true)
    }

    /// Edge 3.
    mutating func finish() {
        guard life.finish() else { return }
        persist(.event(kind: "done", detail: "\(steps.committed) steps"))
        log(.info, "the last step is committed")
        tellAllToStop(reason: Self.doneReason, exitCode: 0, includingLearner: false)
    }

    static let doneReason = "the run is done"

    mutating func tellAllToStop(reason: String, exitCode: Int, includingLearner: Bool) {
        waits.clear()
        for (id, member) in members.here where includingLearner || member.role != .learner {
            outbox.add(id, .stop(reason: reason, exitCode: exitCode))
        }
        expose()
    }
}

/// Why one exchange is refused. The run goes on.
package struct Refusal: Sendable, Hashable {
    /// Also in `proto` and in `scripts/reward_worker.py`.
    package enum Code: String, Sendable, CaseIterable {
        /// Say HELLO first.
        case hello
        /// The peer speaks of an epoch that is over; say HELLO.
        case epoch
        /// The two sides have no version of the protocol in common.
        case `protocol`
        /// Bytes that are no message.
        case malformed
        /// Another process has joined under the same name.
        case replaced
        /// Another process has the name, and is alive.
        case taken
        /// The key of the connection is another one's, or does not count any more.
        case key
        /// A message that the peer's role may not send.
        case role
        /// A step that is not the next, or a batch that is not complete.
        case step

        /// Another process has the name now, which may be otherwise in a moment.
        package var mayPass: Bool { self == .replaced || self == .taken }
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
