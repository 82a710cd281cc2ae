import ClusterModel

/// What a coordinator's journal holds, and what is on its way there.
final class SimulatedDisk {
    private unowned let world: World
    private(set) var content = RecoveredRun()
    private var manifests: [ArtifactKind: [Int: ArtifactManifest]] = [:]
    private var pending: [(number: UInt64, entries: [JournalEntry])] = []
    private var counted: Set<JobID> = []
    private var process = 0
    var slowUntil: Int64 = 0
    var isFull = false

    init(_ world: World) {
        self.world = world
        content.epoch = 0
    }

    /// A new process reads what is there.
    func recover() -> RecoveredRun {
        process += 1
        pending = []
        content.epoch = max(content.epoch + 1, UInt64(world.now / 1000))
        content.manifests = manifests.sorted { $0.key < $1.key }.flatMap { _, versions in
            versions.sorted { $0.key < $1.key }.map(\.value)
        }
        return content
    }

    /// - Parameter done: told the number when it is on disk; or nil when it cannot be.
    func write(_ entries: [JournalEntry], _ number: UInt64, done: @escaping (UInt64?) throws -> Void) {
        pending.append((number, entries))
        let slow = world.now < slowUntil
        let writer = process
        world.after(world.delay(slow ? 500...3_000 : 1...20)) { [self] in
            guard writer == process, pending.contains(where: { $0.number == number }) else { return }
            guard !isFull else {
                process += 1
                pending = []
                try done(nil)
                return
            }
            // One writer: what was given before is written before.
            while let first = pending.first, first.number <= number {
                pending.removeFirst()
                try apply(first.entries)
            }
            try done(number)
        }
    }

    /// The process dies; some of what was on its way may have arrived.
    func crash(written: Int) throws {
        process += 1
        for (_, entries) in pending.prefix(isFull ? 0 : written) { try apply(entries) }
        pending = []
    }

    func has(_ job: JobID) -> Bool { job.step < content.committedSteps || counted.contains(job) }
    /// Whether the answers of a job can still be read.
    func keeps(_ job: JobID) -> Bool {
        job.kind == .generate ? content.trajectories[job] != nil : content.scores[job] != nil
    }
    func has(_ manifest: ArtifactManifest) -> Bool { manifests[manifest.kind]?[manifest.version.number] != nil }

    private func apply(_ entries: [JournalEntry]) throws {
        for entry in entries { try apply(entry) }
    }

    private func apply(_ entry: JournalEntry) throws {
        switch entry {
        case .result(let job, _, _, let outcome, _):
            guard counted.insert(job).inserted else { throw world.violate("job \(job) is counted twice") }
            switch outcome {
            case .trajectories(let items): content.trajectories[job] = items
            case .scores(let scores): content.scores[job] = scores
            case .failed: throw world.violate("a failure of job \(job) is in the journal")
            }
        case .withdrawn(let jobs, _):
            for job in jobs {
                counted.remove(job)
                content.scores[job] = nil
                content.trajectories[job] = nil
            }
        case .step(let step, _, let manifest):
            guard step == content.committedSteps else {
                throw world.violate("step \(step) is committed after \(content.committedSteps) steps")
            }
            content.committedSteps = step + 1
            content.weights[step + 1] = manifest.weights
            try apply(.weights(manifest))
        case .checkpoint(let steps):
            let made = world.learner.disk.checkpoint.steps
            guard steps <= made else {
                throw world.violate("batches before step \(steps) are dropped, and the checkpoint has \(made) steps")
            }
            content.checkpoint = steps
            content.weights = content.weights.filter { $0.key >= steps }
            content.trajectories = content.trajectories.filter { $0.key.step >= steps }
            content.scores = content.scores.filter { $0.key.step >= steps }
        case .weights(let manifest): manifests[manifest.kind, default: [:]][manifest.version.number] = manifest
        case .retired(let oldest):
            manifests[.policy] = manifests[.policy]?.filter { $0.key == 0 || $0.key >= oldest }
        case .meta(let key, let value): content.meta[key] = value
        case .duplicate, .event: break
        }
    }
}
