import ClusterModel
import Foundation

/// A learner: the session machine, and steps whose result is a function of the batch. What it has on disk survives.
final class SimulatedLearner: SimulatedProcess {
    struct Disk {
        var steps = 0
        var digest: UInt64 = 0
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
        case .stop: leave()
        case .pause(let paused):
            if pause.said(paused), isHeld { try step() }
        default: break
        }
    }

    private func begin(_ epoch: UInt64) throws {
        let numbers = Set([0, max(0, disk.steps - 1), disk.steps]).sorted()
        let manifests =
            [Synthetic.reference(seed)] + numbers.map { Synthetic.manifest($0, epoch: epoch, seed: seed) }
        try ask(.publish(manifests), .publish)
    }

    private func commit(_ step: Int) throws {
        let manifest = Synthetic.manifest(step + 1, epoch: 1, seed: seed)
        try ask(.commit(step: step, metrics: Data("{}".utf8), manifest), .commit(step: step))
    }

    private func step() throws {
        isHeld = pause.isPaused && disk.steps < world.settings.steps
        if isHeld {
            phase = WorkerReport.paused
            return
        }
        guard disk.steps < world.settings.steps else {
            phase = "export"
            later(world.delay(50...3_000)) { [self] in
                disk.isExported = true
                try handle(.close(reason: Message.finished))
            }
            return
        }
        phase = "wait_batch"
        try ask(.batchRequest(step: disk.steps), .batch(step: disk.steps))
    }

    override func answered(_ id: UInt64, _ result: Result<Message, SessionFailure>) throws {
        guard let waiting = asks.removeValue(forKey: id) else { return }
        guard case .success(let message) = result else {
            // As a process does: it ends, and is started again.
            leave()
            return
        }
        switch (waiting, message) {
        case (.publish, .publishAck): if disk.steps > 0 { try commit(disk.steps - 1) } else { try step() }
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
            // Its checkpoint is on disk before the commit.
            disk.digest = Synthetic.digest(jobs, after: disk.digest)
            disk.steps = step + 1
            later(world.delay(0...200)) { [self] in
                phase = "publish"
                if isGuarding {
                    isGuarding = false
                    pause.ask("guarded")
                    try handle(.tell(.alarm(code: Message.pausingAlarm, detail: "guarded")))
                }
                try commit(step)
            }
        }
    }
}
