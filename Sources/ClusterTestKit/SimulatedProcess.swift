import ClusterModel

/// What a simulated worker and the simulated learner share: a session over a link, with a process that may die and is
/// started again by whoever looks after it.
class SimulatedProcess {
    private static let tick: Int64 = 250
    /// Milliseconds until a process that has left is started again.
    private static let restart: Int64 = 1_000

    unowned let world: World
    let name: String
    private(set) var link: Link!
    private(set) var session: SessionMachine?
    private(set) var incarnation: UInt64
    private var frozenUntil: Int64 = -1
    private var inbox: [() throws -> Void] = []

    init(_ world: World, name: String, incarnation: UInt64 = 0) {
        self.world = world
        self.name = name
        self.incarnation = incarnation
        // What is to be done outlives a process that another run has replaced meanwhile; one that has gone hears of nothing.
        link = Link(world) { [weak self] up in
            guard let self else { return }
            act { try self.handle(.connection(up: up)) }
        }
    }

    // MARK: - What a role adds

    var role: Role { .learner }
    var capabilities: Capabilities { Capabilities() }
    /// A new process begins with nothing in memory.
    func forget() {}
    /// Called four times a second.
    func pulse() throws {}
    func take(_ message: Message) throws {}
    func answered(_ id: UInt64, _ result: Result<Message, SessionFailure>) throws {}
    /// A message arrives, before the session sees it.
    func inspect(_ outgoing: Outgoing, epoch: UInt64) throws {}

    // MARK: - Life

    /// Does something at once, or when the process moves again.
    func act(_ action: @escaping () throws -> Void) {
        if isFrozen { inbox.append(action) } else { world.after(0) { try action() } }
    }

    var isFrozen: Bool { world.now < frozenUntil }

    /// SIGSTOP, and SIGCONT behind it.
    func freeze(for period: Int64) {
        frozenUntil = max(frozenUntil, world.now + period)
        world.after(period) { [self] in
            guard !isFrozen else { return }
            let waiting = inbox
            inbox = []
            for action in waiting { try action() }
        }
    }

    var isUp: Bool { session != nil }

    func start() {
        guard session == nil, !world.isOver else { return }
        incarnation += 1
        forget()
        session = SessionMachine(
            SessionMachine.Identity(role: role, name: name, capabilities: capabilities, incarnation: incarnation),
            planted: world.plan.planted, at: world.now)
        link.open()
        tick(incarnation)
    }

    func stop(inOrder: Bool = false) {
        session = nil
        inbox = []
        frozenUntil = -1
        forget()
        link.close(inOrder: inOrder)
    }

    func crash(down: Int64) {
        world.note("\(name) dies")
        stop()
        world.after(down) { [self] in start() }
    }

    func leave() {
        guard isUp else { return }
        world.note("\(name) leaves")
        stop(inOrder: true)
        world.after(Self.restart) { [self] in start() }
    }

    private func tick(_ owner: UInt64) {
        world.after(Self.tick) { [self] in
            guard isUp, owner == incarnation else { return }
            if !isFrozen {
                try handle(.tick)
                try pulse()
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
                try inspect(outgoing, epoch: epoch)
                try handle(.received(outgoing.message, inReplyTo: outgoing.inReplyTo, epoch: epoch))
            }
        }
    }

    func handle(_ event: SessionMachine.Event) throws {
        guard let effects = session?.handle(event, at: world.now) else { return }
        for effect in effects {
            switch effect {
            case .send(let message, let id, let epoch): send(message, id, epoch)
            case .deliver(let message): try take(message)
            case .answer(let id, let result): try answered(id, result)
            case .end: leave()
            case .log(let line): world.note("\(name): \(line.message)")
            case .forgetUnsent: break
            case .connectAnew: link.connectAnew()
            }
        }
    }

    private func send(_ message: Message, _ id: UInt64, _ epoch: UInt64) {
        let peer = WorkerID(name: name, incarnation: incarnation)
        link.carry(upward: true) { [world] in
            try world.coordinator.receive(Incoming(peer: peer, message: message, id: id, epoch: epoch))
        }
    }
}
