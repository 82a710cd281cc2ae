import ClusterModel

/// A generator or scorer: the session machine, and work whose result is a function of the job.
final class SimulatedWorker {
    private struct Running {
        var grant: Grant
        var serial: Int
    }

    private static let tick: Int64 = 250
    private static let slots = 2

    private unowned let world: World
    private let role: Role
    let name: String
    private(set) var link: Link!
    private var session: SessionMachine?
    private var incarnation: UInt64 = 0
    private var serial = 0
    private var epoch: UInt64 = 0
    private var versions: Set<Int> = []
    private var newest = -1
    private var waiting: [Grant] = []
    private var running: Running?
    private var isDraining = false
    private var hasCredit = false
    private var hangsUntil: Int64 = -1
    private var frozenUntil: Int64 = -1
    private var inbox: [() throws -> Void] = []
    /// Jobs that were given back without a result.
    private(set) var handedBack: Set<JobID> = []

    init(_ world: World, index: Int) {
        self.world = world
        role = index < world.plan.generators ? .generator : .scorer
        name = "\(role.rawValue)-\(index)"
        link = Link(world) { [unowned self] up in act { [unowned self] in try handle(.connection(up: up)) } }
    }

    private var isUp: Bool { session != nil }
    private var isHanging: Bool { world.now < hangsUntil }

    // MARK: - Life

    func start() {
        guard session == nil, !world.isOver else { return }
        incarnation += 1
        serial += 1
        epoch = 0
        versions = []
        newest = -1
        isDraining = false
        hasCredit = false
        let capabilities =
            role == .generator
            ? Capabilities(kinds: [.generate]) : Capabilities(kinds: [.score], reference: true, rewards: ["*"])
        session = SessionMachine(
            SessionMachine.Identity(role: role, name: name, capabilities: capabilities, incarnation: incarnation),
            planted: world.plan.planted, at: world.now)
        link.open()
        tick(incarnation)
    }

    private func stop(inOrder: Bool = false) {
        session = nil
        serial += 1
        waiting = []
        running = nil
        inbox = []
        frozenUntil = -1
        link.close(inOrder: inOrder)
    }

    func crash(down: Int64) {
        world.note("\(name) dies")
        stop()
        hangsUntil = hangsUntil == .max ? .max : -1
        world.after(down) { [self] in start() }
    }

    func hang(for period: Int64?) { hangsUntil = period.map { world.now + $0 } ?? .max }

    func freeze(for period: Int64) {
        frozenUntil = max(frozenUntil, world.now + period)
        world.after(period) { [self] in
            guard world.now >= frozenUntil else { return }
            let waiting = inbox
            inbox = []
            for action in waiting { try action() }
        }
    }

    /// At once, or when the process moves again.
    private func act(_ action: @escaping () throws -> Void) {
        if world.now < frozenUntil {
            inbox.append(action)
        } else {
            world.after(0) { try action() }
        }
    }

    private func tick(_ owner: UInt64) {
        world.after(Self.tick) { [self] in
            guard isUp, owner == incarnation else { return }
            if world.now >= frozenUntil {
                try handle(.tick)
                let state = isDraining ? WorkerReport.draining : running == nil ? WorkerReport.idle : "busy"
                try handle(.tell(.report(WorkerReport(state: state))))
                if hasCredit, !isDraining { try handle(.tell(.credit(slots: Self.slots))) }
                let working = running != nil && !isHanging
                if let running, working || world.plan.planted.contains(.renewWithoutWork) {
                    let renewals =
                        [RenewedJob(job: running.grant.job.id, attempt: running.grant.attempt, tokens: 1)]
                        + waiting.map { RenewedJob(job: $0.job.id, attempt: $0.attempt, tokens: 0) }
                    try handle(.tell(.renewal(renewals)))
                }
            }
            tick(owner)
        }
    }

    // MARK: - Session

    /// What the coordinator says, over the wire.
    func carry(_ outgoing: Outgoing, epoch: UInt64) {
        let owner = outgoing.peer.incarnation
        link.carry(upward: false) { [self] in
            act { [self] in
                guard isUp, owner == incarnation else { return }
                try checkEpoch(outgoing, epoch)
                try handle(.received(outgoing.message, inReplyTo: outgoing.inReplyTo, epoch: epoch))
            }
        }
    }

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

    private func handle(_ event: SessionMachine.Event) throws {
        guard let effects = session?.handle(event, at: world.now) else { return }
        for effect in effects {
            switch effect {
            case .send(let message, let id, let epoch): send(message, id, epoch)
            case .deliver(let message): try take(message)
            case .end: leave()
            case .log(let line): world.note("\(name): \(line.message)")
            case .answer, .forgetUnsent: break
            }
        }
    }

    private func send(_ message: Message, _ id: UInt64, _ epoch: UInt64) {
        let peer = WorkerID(name: name, incarnation: incarnation)
        link.carry(upward: true) { [world] in
            try world.coordinator.receive(Incoming(peer: peer, message: message, id: id, epoch: epoch))
        }
    }

    private func leave() {
        guard isUp else { return }
        world.note("\(name) leaves")
        stop(inOrder: true)
        // Whoever looks after the workers starts it again.
        world.after(1_000) { [self] in start() }
    }

    private func take(_ message: Message) throws {
        switch message {
        case .welcome(let welcome):
            if welcome.epoch != epoch || session?.runID != lastRun {
                versions = []
                newest = -1
            }
            epoch = welcome.epoch
            lastRun = session?.runID
            for manifest in welcome.artifacts { announced(manifest) }
            hasCredit = true
            if !isDraining { try handle(.tell(.credit(slots: Self.slots))) }
        case .artifact(let manifest): announced(manifest)
        case .lease(let grants): for grant in grants { try push(grant) }
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

    private var lastRun: String?

    private func announced(_ manifest: ArtifactManifest) {
        guard manifest.kind == .policy else { return }
        let (owner, number) = (incarnation, manifest.version.number)
        world.after(world.delay(5...600)) { [self] in
            guard isUp, owner == incarnation else { return }
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
            waiting.append(grant)
            try next()
        }
    }

    private func handBack(_ grant: Grant) throws {
        handedBack.insert(grant.job.id)
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
            if isHanging || world.now < frozenUntil {
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
