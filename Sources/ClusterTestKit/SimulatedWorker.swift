import ClusterModel

/// A generator or scorer: the session machine, and work whose result is a function of the job.
final class SimulatedWorker: SimulatedProcess {
    private struct Running {
        var grant: Grant
        var serial: Int
    }

    private static let slots = 2
    /// How often a version is asked for that nobody serves.
    private static let patience = 60

    private let kind: Role
    private var serial = 0
    private var epoch: UInt64 = 0
    private var lastRun: String?
    private var versions: Set<Int> = []
    /// Versions that are on their way, and a number for those of this run and epoch.
    private var pulled: Set<Int> = []
    private var pulls = 0
    private var newest = -1
    private var waiting: [Grant] = []
    private var running: Running?
    private var isDraining = false
    private var hasCredit = false
    private var hangsUntil: Int64 = -1
    /// Leases that were given back without a result.
    private var handedBack: Set<HeldJob> = []

    init(_ world: World, index: Int) {
        kind = index < world.plan.generators ? .generator : .scorer
        super.init(world, name: "\(kind.rawValue)-\(index)")
    }

    override var role: Role { kind }
    override var capabilities: Capabilities {
        kind == .generator
            ? Capabilities(kinds: [.generate]) : Capabilities(kinds: [.score], reference: true, rewards: ["*"])
    }

    private var isHanging: Bool { world.now < hangsUntil }

    // MARK: - Life

    override func forget() {
        serial += 1
        epoch = 0
        lastRun = nil
        forgetVersions()
        waiting = []
        running = nil
        isDraining = false
        hasCredit = false
    }

    private func forgetVersions() {
        versions = []
        pulled = []
        pulls += 1
        newest = -1
    }

    override func crash(down: Int64) {
        super.crash(down: down)
        if hangsUntil != .max { hangsUntil = -1 }
    }

    func hang(for period: Int64?) { hangsUntil = period.map { world.now + $0 } ?? .max }

    override func pulse() throws {
        let state = isDraining ? WorkerReport.draining : running == nil && waiting.isEmpty ? WorkerReport.idle : "busy"
        try handle(.tell(.report(WorkerReport(state: state))))
        if hasCredit, !isDraining { try handle(.tell(.credit(slots: Self.slots))) }
        guard let running, !isHanging || world.plan.planted.contains(.renewWithoutWork) else { return }
        let renewals =
            [RenewedJob(job: running.grant.job.id, attempt: running.grant.attempt, tokens: 1)]
            + waiting.map { RenewedJob(job: $0.job.id, attempt: $0.attempt, tokens: 0) }
        try handle(.tell(.renewal(renewals)))
    }

    // MARK: - Session

    override func inspect(_ outgoing: Outgoing, epoch: UInt64) throws { try checkEpoch(outgoing, epoch) }

    private func checkEpoch(_ outgoing: Outgoing, _ sender: UInt64) throws {
        guard var copy = session, sender < epoch, copy.runID == world.coordinatorRunID else { return }
        if case .welcome = outgoing.message { return }
        for effect in copy.handle(
            .received(outgoing.message, inReplyTo: outgoing.inReplyTo, epoch: sender), at: world.now)
        {
            if case .deliver = effect {
                throw world.violate("\(name) takes a message of epoch \(sender) in epoch \(epoch)")
            }
        }
    }

    override func take(_ message: Message) throws {
        switch message {
        case .welcome(let welcome):
            if welcome.epoch != epoch || session?.runID != lastRun {
                forgetVersions()
            }
            epoch = welcome.epoch
            lastRun = session?.runID
            for manifest in welcome.artifacts { announced(manifest) }
            hasCredit = true
            if !isDraining { try handle(.tell(.credit(slots: Self.slots))) }
        case .artifact(let manifest): announced(manifest)
        case .lease(let grants, _): for grant in grants { try push(grant) }
        case .cancel(let job, let attempt, _):
            waiting.removeAll { $0.job.id == job && $0.attempt == attempt }
            if let current = running, current.grant.job.id == job, current.grant.attempt == attempt, world.chance(50) {
                // Half of the workers notice; the others hand in what they have in the end.
                running = nil
                serial += 1
                try next()
            }
        case .drain: try drain()
        case .stop: leave()
        default: break
        }
    }

    private func announced(_ manifest: ArtifactManifest) {
        guard manifest.kind == .policy else { return }
        let number = manifest.version.number
        guard !versions.contains(number), pulled.insert(number).inserted else { return }
        pull(number, serial: pulls, left: Self.patience)
    }

    /// From the learner, or not as long as that does not serve the version.
    private func pull(_ number: Int, serial: Int, left: Int) {
        let owner = incarnation
        world.after(world.delay(5...600)) { [self] in
            guard isUp, owner == incarnation, serial == pulls else { return }
            guard world.learner.serves(number) else {
                if left > 0 { pull(number, serial: serial, left: left - 1) } else { pulled.remove(number) }
                return
            }
            pulled.remove(number)
            versions.insert(number)
            newest = max(newest, number)
            try next()
        }
    }

    // MARK: - Work

    private func push(_ grant: Grant) throws {
        if isDraining {
            try handBack(grant)
        } else {
            handedBack.remove(Self.key(grant.job.id, grant.attempt))
            waiting.append(grant)
            try next()
        }
    }

    private static func key(_ job: JobID, _ attempt: Int) -> HeldJob {
        HeldJob(job: job, attempt: attempt, finished: false)
    }

    func hasHandedBack(_ ack: Acknowledgement) -> Bool { handedBack.contains(Self.key(ack.job, ack.attempt)) }

    private func handBack(_ grant: Grant) throws {
        handedBack.insert(Self.key(grant.job.id, grant.attempt))
        let outcome = JobOutcome.failed(code: JobOutcome.draining, message: "leaving", retryable: true)
        try handle(.tell(.result(grant.job.id, attempt: grant.attempt, outcome)))
    }

    private func next() throws {
        guard running == nil, let grant = waiting.first else { return }
        var usedVersion = 0
        if case .generate(let job) = grant.job {
            usedVersion = job.version.number
            if !versions.contains(usedVersion) {
                guard world.plan.planted.contains(.acceptStaleVersion), newest >= 0 else { return }
                usedVersion = newest
            }
        }
        waiting.removeFirst()
        serial += 1
        running = Running(grant: grant, serial: serial)
        work(serial, left: world.delay(50...1_500), grant, usedVersion)
    }

    private func work(_ owner: Int, left: Int64, _ grant: Grant, _ version: Int) {
        world.after(min(left, 200)) { [self] in
            guard isUp, running?.serial == owner else { return }
            if isHanging || isFrozen {
                work(owner, left: left, grant, version)
            } else if left > 200 {
                work(owner, left: left - 200, grant, version)
            } else {
                running = nil
                try finish(grant, version)
                try next()
                try leaveIfDrained()
            }
        }
    }

    private func finish(_ grant: Grant, _ version: Int) throws {
        let outcome: JobOutcome
        switch grant.job {
        case .generate(let job): outcome = .trajectories(Synthetic.answers(job, version: version))
        case .score(let job): outcome = .scores(Synthetic.scores(job))
        }
        try handle(.tell(.result(grant.job.id, attempt: grant.attempt, outcome)))
    }

    private func drain() throws {
        guard !isDraining else { return }
        isDraining = true
        try handle(.tell(.credit(slots: 0)))
        let unbegun = waiting
        waiting = []
        for grant in unbegun { try handBack(grant) }
        try leaveIfDrained()
        if isUp { waitUntilFlushed(incarnation) }
    }

    private func waitUntilFlushed(_ owner: UInt64) {
        world.after(200) { [self] in
            guard isUp, owner == incarnation else { return }
            try leaveIfDrained()
            if isUp { waitUntilFlushed(owner) }
        }
    }

    private func leaveIfDrained() throws {
        guard isDraining, running == nil, session?.isFlushed ?? false else { return }
        try handle(.close(reason: "drained"))
    }
}
