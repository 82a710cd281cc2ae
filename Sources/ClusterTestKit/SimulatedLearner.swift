import ClusterModel
import Foundation

/// A learner: the session machine, and steps whose result is a function of the batch and of what was learned before.
///
/// Its checkpoint survives whatever happens, with the versions of the policy that belong to it. Files of other versions
/// survive its own end, and not always that of its machine. What it has learned since the checkpoint is repeated.
final class SimulatedLearner: SimulatedProcess {
    struct Weights: Hashable {
        var steps = 0
        var digest: UInt64 = 0
    }

    struct Disk {
        var checkpoint = Weights()
        /// Digests of the versions that the checkpoint links to.
        var linked: [Int: UInt64] = [:]
        /// Digests of versions that were written and not synced.
        var files: [Int: UInt64] = [:]
        var isExported = false
    }

    private enum Waiting {
        case publish
        case commit(step: Int)
        case batch(step: Int)
        case jobs(step: Int, count: Int, [BatchJob])
    }

    private let seed: UInt64
    private(set) var disk = Disk()
    /// In memory.
    private var weights = Weights()
    /// A checkpoint that is being written.
    private var writing: Weights?
    /// A step that is committed when that checkpoint is on disk.
    private var delayed: Int?
    /// Versions of the policy that can be pulled, and their digests.
    private var served: [Int: UInt64] = [:]
    /// Steps that the coordinator had committed when this process began.
    private var committed = 0
    private var nextAsk: UInt64 = 1
    private var asks: [UInt64: Waiting] = [:]
    private var hasBegun = false
    private var isRetired = false
    private var pause = LearnerPause()
    /// As the product's learner says it.
    private(set) var phase = "loading"
    /// It has nothing to do until it goes on.
    private var isHeld = false
    /// Its guard asks for a pause after the next step.
    var isGuarding = false

    init(_ world: World) {
        seed = world.settings.seed
        // Of no earlier run's learner.
        super.init(world, name: "learner", incarnation: UInt64(world.run) * 1_000)
    }

    override func start() {
        if !isRetired { super.start() }
    }

    override func forget() {
        asks = [:]
        hasBegun = false
        pause = LearnerPause()
        phase = "loading"
        isHeld = false
        weights = Weights()
        (writing, delayed) = (nil, nil)
        served = [:]
        committed = 0
    }

    /// A damaged file has another hash than what is pulled.
    func serves(_ version: Int) -> Bool {
        isUp && !isFrozen && served[version] != nil && served[version] == world.digest(of: version)
    }

    /// - Parameter host: its machine goes with it, and files that were not synced may be gone or damaged.
    func crash(down: Int64, host: Bool) {
        if host {
            for version in disk.files.keys.sorted() {
                if world.chance(30) { disk.files[version] = nil } else if world.chance(50) { disk.files[version] = 1 }
            }
        }
        crash(down: down)
    }

    /// Waits for a word of the coordinator that has been said.
    var isPaused: Bool { isUp && isHeld && pause.wish == nil }

    /// Its run has lost the address.
    func retire() {
        isRetired = true
        stop()
    }

    override func pulse() throws {
        try handle(.tell(.report(WorkerReport(state: phase))))
        if let wish = pause.wish { try handle(.tell(.alarm(code: Message.pausingAlarm, detail: wish))) }
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
        world.after(delay) { [self] in act { [self] in if isUp, owner == incarnation { try action() } } }
    }

    // MARK: - Steps

    override func take(_ message: Message) throws {
        switch message {
        case .welcome(let welcome):
            guard !hasBegun else { return }
            hasBegun = true
            let epoch = welcome.epoch
            later(world.delay(50...1_000)) { [self] in try begin(epoch) }
        case .stop:
            // It is given the time for a checkpoint, or is not.
            if world.chance(50), hasBegun { save(weights) }
            leave()
        case .pause(let paused):
            if pause.said(paused), isHeld { try step() }
        default: break
        }
    }

    private func begin(_ epoch: UInt64) throws {
        weights = disk.checkpoint
        served = disk.files.filter { $0.key > weights.steps }.merging(disk.linked) { $1 }
        served[0] = 0
        let policies = served.keys.sorted().map { manifest($0, epoch: epoch) }
        try ask(.publish([Synthetic.reference(seed)] + policies, checkpoint: weights.steps), .publish)
    }

    private func manifest(_ version: Int, epoch: UInt64) -> ArtifactManifest {
        Synthetic.manifest(
            version, epoch: epoch, seed: seed, digest: served[version] ?? 0, source: "\(name)-\(incarnation)")
    }

    private func begin(behind committed: Int) throws {
        self.committed = committed
        guard committed - weights.steps <= world.plan.checkpointEvery else {
            throw world.violate("\(committed - weights.steps) steps are to be repeated")
        }
        if weights.steps > 0 { try commit(weights.steps - 1) } else { try step() }
    }

    private func commit(_ step: Int) throws {
        let message = Message.commit(
            step: step, metrics: Data("{}".utf8), manifest(step + 1, epoch: 1), checkpoint: disk.checkpoint.steps)
        try ask(message, .commit(step: step))
    }

    private func step() throws {
        isHeld = pause.isPaused && weights.steps < world.settings.steps && weights.steps >= committed
        if isHeld {
            phase = WorkerReport.paused
            return
        }
        guard weights.steps < world.settings.steps else {
            phase = "export"
            later(world.delay(50...3_000)) { [self] in
                save(weights)
                disk.isExported = true
                try handle(.close(reason: Message.finished))
            }
            return
        }
        phase = weights.steps < committed ? "repeat" : "wait_batch"
        try ask(.batchRequest(step: weights.steps), .batch(step: weights.steps))
    }

    // MARK: - Checkpoints

    private func save(_ checkpoint: Weights) {
        guard checkpoint.steps > disk.checkpoint.steps else { return }
        disk.checkpoint = checkpoint
        let oldest = checkpoint.steps - world.plan.lag
        disk.linked = served.filter { $0.key > 0 && $0.key >= oldest && $0.key <= checkpoint.steps }
    }

    private func beginCheckpoint() {
        let last = writing?.steps ?? disk.checkpoint.steps
        guard writing == nil, weights.steps - last >= world.plan.checkpointEvery else { return }
        let snapshot = weights
        writing = snapshot
        later(world.delay(20...3_000)) { [self] in
            save(snapshot)
            writing = nil
            if let step = delayed {
                delayed = nil
                try commitInTime(step)
            }
        }
    }

    /// No step is committed while more would have to be repeated than the run allows.
    private func commitInTime(_ step: Int) throws {
        if step + 1 - disk.checkpoint.steps > world.plan.checkpointEvery { delayed = step } else { try commit(step) }
    }

    override func answered(_ id: UInt64, _ result: Result<Message, SessionFailure>) throws {
        guard let waiting = asks.removeValue(forKey: id) else { return }
        guard case .success(let message) = result else {
            // As a process does: it ends, and is started again.
            leave()
            return
        }
        switch (waiting, message) {
        case (.publish, .publishAck(let committed)): try begin(behind: committed)
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
        phase = "update"
        later(world.delay(100...1_500)) { [self] in
            let version = step + 1
            weights = Weights(steps: version, digest: Synthetic.digest(jobs, after: weights.digest))
            try world.remember(weights)
            // Its file is there before the commit.
            disk.files[version] = weights.digest
            served[version] = weights.digest
            let oldest = version - world.plan.lag - 1
            served = served.filter { $0.key == 0 || $0.key >= oldest }
            beginCheckpoint()
            later(world.delay(0...200)) { [self] in
                phase = "publish"
                if isGuarding, step >= committed {
                    isGuarding = false
                    pause.ask("guarded")
                    try handle(.tell(.alarm(code: Message.pausingAlarm, detail: "guarded")))
                }
                try commitInTime(step)
            }
        }
    }
}
