import ClusterModel

/// The run machine on a simulated disk and network, and the invariants of what it says.
final class SimulatedCoordinator {
    private static let tick: Int64 = 100

    private unowned let world: World
    let disk: SimulatedDisk
    private var machine: RunMachine?
    private var process = 0
    private var stillUntil: Int64 = 0
    private var held: [RunEvent] = []
    private var arrived: [Incoming] = []
    private var nextLook: Int64 = 0
    private var progress = (mark: 0, at: Int64(0))
    private let seed: UInt64

    init(_ world: World) {
        self.world = world
        seed = world.settings.seed
        disk = SimulatedDisk(world)
    }

    var isUp: Bool { machine != nil }
    var isPaused: Bool { machine?.state == .paused }
    var goesOn: Bool { machine?.state == .running || machine?.state == .done }
    var runID: String? { machine?.runID }

    var description: String {
        guard var machine else { return "the coordinator is down" }
        let snapshot = machine.snapshot(at: world.now)
        let workers = snapshot.workerList.map { "\($0.id) \($0.state) \($0.jobs)" }.joined(separator: ", ")
        return
            "\(snapshot.state.rawValue), step \(snapshot.learner.step), waits \(snapshot.waits.map(\.what)), \(workers)"
    }

    func start() {
        guard machine == nil else { return }
        process += 1
        do {
            var machine = try RunMachine(world.settings, recovered: disk.recover(), at: world.now)
            let effects = machine.begin()
            self.machine = machine
            world.note("coordinator starts, epoch \(machine.epoch)")
            try carryOut(effects)
        } catch {
            world.after(0) { [world] in throw world.violate("the coordinator cannot start: \(error)") }
        }
        progress = (-1, world.now)
        tick(process)
    }

    private func tick(_ owner: Int) {
        world.after(Self.tick) { [self] in
            guard owner == process, machine != nil else { return }
            try handle(.tick)
            try checkWaits()
            tick(owner)
        }
    }

    func crash(written: Int) {
        guard machine != nil else { return }
        world.note("coordinator dies")
        do { try disk.crash(written: written) } catch { world.after(0) { throw error } }
        leave()
    }

    private func leave() {
        machine = nil
        process += 1
        held = []
        arrived = []
        world.learner.link.lost()
        for worker in world.workers { worker.link.lost() }
    }

    func standStill(for period: Int64) { stillUntil = max(stillUntil, world.now + period) }

    func wish(_ wish: RunWish) { world.after(0) { [self] in if machine != nil { try handle(.wish(wish)) } } }

    /// What comes within a moment is one turn.
    func receive(_ incoming: Incoming) throws {
        guard machine != nil else { return }
        arrived.append(incoming)
        let owner = process
        guard arrived.count == 1 else { return }
        world.after(world.delay(0...3)) { [self] in
            guard owner == process else { return }
            let batch = arrived
            arrived = []
            try handle(.messages(batch))
        }
    }

    private func handle(_ event: RunEvent) throws {
        guard machine != nil else { return }
        if world.now < stillUntil {
            held.append(event)
            let owner = process
            if held.count == 1 {
                world.after(stillUntil - world.now) { [self] in
                    guard owner == process else { return }
                    let waiting = held
                    held = []
                    for event in waiting { try handle(event) }
                }
            }
            return
        }
        guard let effects = machine?.handle(event, at: world.now) else { return }
        try carryOut(effects)
    }

    private func carryOut(_ effects: [RunEffect]) throws {
        for effect in effects {
            switch effect {
            case .persist(let entries, let number):
                let owner = process
                disk.write(entries, number) { [self] number in
                    guard owner == process else { return }
                    if let number {
                        try handle(.durable(number))
                    } else {
                        try handle(.failed(RunEnding(Self.fullDisk)))
                    }
                }
            case .send(let messages): for message in messages { try send(message) }
            case .end(let ending): try end(ending)
            case .log(let line): world.note("\(line.message) \(line.details.sorted { $0.key < $1.key })")
            case .forget, .record, .expose: break
            }
        }
    }

    private static let fullDisk = "the disk is full"

    private func end(_ ending: RunEnding?) throws {
        world.note("run ends: \(ending?.message ?? "done")")
        leave()
        if ending?.message == Self.fullDisk {
            // Somebody makes room, and calls the same command again.
            disk.isFull = false
            world.after(1_000) { [self] in if world.coordinator === self { start() } }
            return
        }
        try world.finished(ending)
    }

    // MARK: - Invariants

    private func send(_ outgoing: Outgoing) throws {
        switch outgoing.message {
        case .resultAck(let acks), .lease(_, let acks):
            for ack in acks where ack.status != .stale && !isWithdrawn(ack) {
                guard disk.has(ack.job) else { throw world.violate("\(ack.job) is acknowledged before it is on disk") }
            }
        case .commitAck(let step):
            guard disk.content.committedSteps > step else {
                throw world.violate("the commit of step \(step) is acknowledged before it is on disk")
            }
        case .batchReady(let step, let jobs):
            for index in 0..<jobs {
                let parts = world.settings.parts.indices.map { JobID(step: step, index: index, kind: .score, part: $0) }
                for job in [JobID(step: step, index: index, kind: .generate)] + parts where !disk.keeps(job) {
                    throw world.violate("the batch of step \(step) is ready, and \(job) is not on disk")
                }
            }
        case .artifact(let manifest):
            guard disk.has(manifest) else { throw world.violate("version \(manifest.version) is announced too early") }
        case .welcome(let welcome):
            guard welcome.artifacts.allSatisfy(disk.has) else { throw world.violate("WELCOME names too new a version") }
            guard welcome.artifacts.count <= world.plan.lag + 4 else { throw world.violate("WELCOME grows") }
        default: break
        }
        if outgoing.peer.name == world.learner.name {
            world.learner.carry(outgoing, epoch: machine?.epoch ?? 0)
        } else if let worker = world.workers.first(where: { $0.name == outgoing.peer.name }) {
            worker.carry(outgoing, epoch: machine?.epoch ?? 0)
        }
    }

    /// A failure that a worker reports is acknowledged as well, and is not in the journal.
    private func isWithdrawn(_ ack: Acknowledgement) -> Bool {
        world.workers.contains { $0.hasHandedBack(ack) }
    }

    /// Nobody waits in silence: where nothing becomes durable for a long time, the status says who waits for what.
    private func checkWaits() throws {
        // A snapshot is as much work as all the rest of a tick.
        guard world.now >= nextLook, var machine else { return }
        nextLook = world.now + 1_000
        let snapshot = machine.snapshot(at: world.now)
        let mark = snapshot.queue.values.reduce(snapshot.learner.step * 1_000_000) { $0 + $1.doneTotal }
        if mark != progress.mark || snapshot.state != .running || world.now < stillUntil + 30_000 {
            progress = (mark, world.now)
        }
        guard world.now - progress.at > 30_000 else { return }
        if snapshot.waits.isEmpty {
            throw world.violate("nothing happens for 30 s, and the status names no wait: \(description)")
        }
        if world.learner.isPaused {
            throw world.violate("the learner is paused, and the run is not: \(description)")
        }
    }
}
