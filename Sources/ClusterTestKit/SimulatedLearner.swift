import ClusterModel
import Foundation

/// A learner: the session machine, and steps whose result is a function of the batch. What it has on disk survives.
final class SimulatedLearner {
    struct Disk {
        var steps = 0
        var digest: UInt64 = 0
        var isExported = false
    }

    private enum Waiting {
        case commit(step: Int)
        case batch(step: Int)
        case jobs(step: Int, count: Int, [BatchJob])
    }

    private static let tick: Int64 = 250

    let name = "learner"
    private unowned let world: World
    private let seed: UInt64
    private(set) var link: Link!
    private(set) var disk = Disk()
    private var session: SessionMachine?
    private var incarnation: UInt64
    private var nextAsk: UInt64 = 1
    private var asks: [UInt64: Waiting] = [:]
    private var hasBegun = false
    private var isRetired = false
    private var published: [ArtifactManifest] = []

    init(_ world: World) {
        self.world = world
        seed = world.settings.seed
        incarnation = UInt64(world.run) * 1_000
        link = Link(world) { [unowned self] up in try? handle(.connection(up: up)) }
    }

    private var isUp: Bool { session != nil }

    func start() {
        guard session == nil, !isRetired, !world.isOver else { return }
        incarnation += 1
        hasBegun = false
        session = SessionMachine(
            SessionMachine.Identity(
                role: .learner, name: name, capabilities: Capabilities(), incarnation: incarnation),
            planted: world.plan.planted, at: world.now)
        link.open()
        tick(incarnation)
    }

    private func stop(inOrder: Bool = false) {
        session = nil
        asks = [:]
        published = []
        link.close(inOrder: inOrder)
    }

    func crash(down: Int64) {
        world.note("learner dies")
        stop()
        world.after(down) { [self] in start() }
    }

    /// Its run has lost the address.
    func retire() {
        isRetired = true
        stop()
    }

    private func tick(_ owner: UInt64) {
        world.after(Self.tick) { [self] in
            guard isUp, owner == incarnation else { return }
            try handle(.tick)
            try handle(.tell(.report(WorkerReport(state: "update"))))
            tick(owner)
        }
    }

    func carry(_ outgoing: Outgoing, epoch: UInt64) {
        let owner = outgoing.peer.incarnation
        link.carry(upward: false) { [self] in
            guard isUp, owner == incarnation else { return }
            try handle(.received(outgoing.message, inReplyTo: outgoing.inReplyTo, epoch: epoch))
        }
    }

    private func handle(_ event: SessionMachine.Event) throws {
        guard let effects = session?.handle(event, at: world.now) else { return }
        for effect in effects {
            switch effect {
            case .send(let message, let id, let epoch): send(message, id, epoch)
            case .deliver(let message): try take(message)
            case .answer(let id, let result): try answered(id, result)
            case .end: leave()
            case .log(let line): world.note("learner: \(line.message)")
            case .forgetUnsent: break
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
        stop(inOrder: true)
        world.after(1_000) { [self] in start() }
    }

    private func ask(_ message: Message, _ waiting: Waiting, patience: Int64? = nil) throws {
        let id = nextAsk
        nextAsk += 1
        asks[id] = waiting
        try handle(.ask(message, id, patience: patience))
    }

    /// Later, unless the process has gone meanwhile.
    private func later(_ delay: Int64, _ action: @escaping () throws -> Void) {
        let owner = incarnation
        world.after(delay) { [self] in if isUp, owner == incarnation { try action() } }
    }

    // MARK: - Steps

    private func take(_ message: Message) throws {
        switch message {
        case .welcome(let welcome):
            if hasBegun {
                try handle(.tell(.publish(published)))
            } else {
                hasBegun = true
                let epoch = welcome.epoch
                later(world.delay(50...1_000)) { [self] in try begin(epoch) }
            }
        case .stop: leave()
        default: break
        }
    }

    private func begin(_ epoch: UInt64) throws {
        let numbers = Set([0, max(0, disk.steps - 1), disk.steps]).sorted()
        published =
            [Synthetic.reference(seed)] + numbers.map { Synthetic.manifest($0, epoch: epoch, seed: seed) }
        try handle(.tell(.publish(published)))
        if disk.steps > 0 { try commit(disk.steps - 1) } else { try step() }
    }

    private func commit(_ step: Int) throws {
        let manifest = Synthetic.manifest(step + 1, epoch: 1, seed: seed)
        try ask(.commit(step: step, metrics: Data("{}".utf8), manifest), .commit(step: step))
    }

    private func step() throws {
        guard disk.steps < world.settings.steps else {
            later(world.delay(50...3_000)) { [self] in
                disk.isExported = true
                try handle(.close(reason: Message.finished))
            }
            return
        }
        try ask(.batchRequest(step: disk.steps), .batch(step: disk.steps))
    }

    private func answered(_ id: UInt64, _ result: Result<Message, SessionFailure>) throws {
        guard let waiting = asks.removeValue(forKey: id) else { return }
        guard case .success(let message) = result else {
            // As a process does: it ends, and is started again.
            leave()
            return
        }
        switch (waiting, message) {
        case (.commit(let step), .commitAck(let acknowledged)):
            guard step == acknowledged else { throw world.violate("another step was acknowledged") }
            try self.step()
        case (.batch(let step), .batchReady(let ready, let jobs)):
            guard step == ready else { throw world.violate("another batch is ready") }
            try fetch(step, jobs, [])
        case (.jobs(let step, let count, let soFar), .batchJobs(let answered, let first, let jobs)):
            guard step == answered, first == soFar.count else { throw world.violate("another page of the batch came") }
            try fetch(step, count, soFar + jobs)
        default: throw world.violate("an ask got the answer to another one")
        }
    }

    private func fetch(_ step: Int, _ count: Int, _ jobs: [BatchJob]) throws {
        if jobs.count < count {
            try ask(.fetchJobs(step: step, first: jobs.count), .jobs(step: step, count: count, jobs), patience: 30_000)
            return
        }
        later(world.delay(100...1_500)) { [self] in
            // Its checkpoint is on disk before the commit.
            disk.digest = Synthetic.digest(jobs, after: disk.digest)
            disk.steps = step + 1
            later(world.delay(0...200)) { [self] in
                let manifest = Synthetic.manifest(step + 1, epoch: 1, seed: seed)
                published.append(manifest)
                try handle(.tell(.publish([manifest])))
                try commit(step)
            }
        }
    }
}
