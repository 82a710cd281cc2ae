/// Which steps are open, what each still needs, and which is committed.
///
///     (1) its policy version can be pulled -> OPEN: its jobs come into being
///     OPEN --(2) every result is here and on disk--> the learner's request is answered
///     OPEN --(3) the learner commits--> COMMITTED --(4) on disk--> DURABLE: acknowledged, its figures recorded
///     COMMITTED, DURABLE --(5) the learner has a checkpoint behind it on disk--> its batch is dropped
///
/// Until edge 5 the batch is kept: a learner that dies goes on from its checkpoint, asks for the batches since, and makes
/// the same versions of them.
struct Steps: Sendable {
    struct Request: Sendable {
        var peer: WorkerID
        var id: UInt64
        var step: Int
    }

    /// A commit that waits for the disk, with everyone who asked for it.
    struct Commit: Sendable {
        var step: Int
        var manifest: ArtifactManifest
        var record: StepRecord
        var askers: [(peer: WorkerID, id: UInt64)]
    }

    private let settings: RunSettings
    private let cursor: DatasetCursor
    private var assemblies: [Int: StepAssembly] = [:]
    private var opened: Int
    /// Steps whose commit was asked for; ``durable`` of them are on disk.
    private(set) var committed: Int
    private(set) var durable: Int
    /// Commits that wait for the disk, in order.
    private var closing: [Commit] = []
    var request: Request?
    /// How many steps the learner's newest checkpoint on disk has, of those that are committed.
    private(set) var checkpoint: Int
    /// Batches of the committed steps since.
    private var kept: [Int: StepAssembly] = [:]
    /// ``ArtifactManifest/weights`` of the versions from the checkpoint on.
    private var made: [Int: String]

    init(_ settings: RunSettings, _ recovered: RecoveredRun) {
        self.settings = settings
        committed = recovered.committedSteps
        durable = committed
        opened = committed
        checkpoint = min(recovered.checkpoint ?? committed, committed)
        made = recovered.weights
        cursor = DatasetCursor(
            rows: settings.prompts.count, promptsPerStep: settings.promptsPerStep, seed: settings.seed)
        for job in recovered.trajectories.keys where job.step < committed && job.step >= checkpoint {
            guard kept[job.step] == nil else { continue }
            let version = PolicyVersion(epoch: recovered.epoch, number: settings.schedule.version(for: job.step))
            kept[job.step] = StepAssembly(
                step: job.step, jobs: jobs(of: job.step, version), parts: settings.parts.count)
        }
    }

    /// An open step.
    subscript(_ step: Int) -> StepAssembly? { assemblies[step] }
    /// The batch of a step that is open, or committed and kept.
    func batch(of step: Int) -> StepAssembly? { assemblies[step] ?? kept[step] }
    /// What a version of the policy was when it was committed; nil once no step needs it.
    func weights(of version: Int) -> String? { made[version] }
    /// Open steps behind this one, in order.
    func behind(_ step: Int) -> [StepAssembly] {
        assemblies.filter { $0.key > step }.sorted { $0.key < $1.key }.map(\.value)
    }
    var isLastCommitted: Bool { durable >= settings.steps }

    // MARK: - Edges

    /// Edge 1 for every step that may be opened. Returns their generate jobs.
    mutating func open(_ versions: Versions) -> [JobID] {
        guard let newest = versions.newest else { return [] }
        var jobs: [JobID] = []
        let schedule = settings.schedule
        while opened < settings.steps, opened <= schedule.lastOpenStep(published: newest),
            opened <= committed + schedule.lag, let manifest = versions.policy(schedule.version(for: opened))
        {
            let assembly = StepAssembly(
                step: opened, jobs: self.jobs(of: opened, manifest.version), parts: settings.parts.count)
            assemblies[opened] = assembly
            jobs += assembly.jobs.map(\.id)
            opened += 1
        }
        return jobs
    }

    private func jobs(of step: Int, _ version: PolicyVersion) -> [GenerateJob] {
        let prompts = cursor.places(of: step).map { place in
            var prompt = settings.prompts[place.row]
            prompt.occurrence = place.occurrence
            return prompt
        }
        return settings.plan.parts(prompts).enumerated().map { index, part in
            GenerateJob(
                id: JobID(step: step, index: index, kind: .generate), version: version, seed: settings.seed,
                samples: part.samples, sampling: settings.sampling, prompts: part.prompts)
        }
    }

    /// A result that was admitted. Returns the jobs that it makes possible.
    mutating func add(_ outcome: JobOutcome, of job: JobID) -> [JobID] {
        switch outcome {
        case .trajectories(let items):
            assemblies[job.step]?.add(items, of: job.index)
            return settings.parts.indices.map { JobID(step: job.step, index: job.index, kind: .score, part: $0) }
        case .scores(let scores):
            assemblies[job.step]?.add(scores, of: job.index, part: job.part)
            return []
        case .failed: return []
        }
    }

    /// Leaves a job that kills its workers out of its step. Returns the jobs that are no longer needed; nil when the step
    /// would have no answers left.
    mutating func giveUp(_ job: JobID) -> [JobID]? {
        guard let step = assemblies[job.step], step.givenUp.count + 1 < step.jobs.count else { return nil }
        assemblies[job.step]?.giveUp(job.index)
        return step.jobs(of: job.index)
    }

    mutating func skip(_ job: JobID) {
        assemblies[job.step]?.skip(job.index)
        kept[job.step]?.skip(job.index)
    }

    /// Edge 3. Returns the batch that is over; nil when it went with an earlier process.
    mutating func commit(_ commit: Commit) -> StepAssembly? {
        let assembly = assemblies.removeValue(forKey: commit.step)
        kept[commit.step] = assembly
        made[commit.step + 1] = commit.manifest.weights
        committed = commit.step + 1
        opened = max(opened, committed)
        closing.append(commit)
        closing[closing.count - 1].record.assembly = assembly
        return assembly
    }

    /// Somebody asks again for a commit that waits for the disk, perhaps from another address.
    mutating func alsoTell(_ peer: WorkerID, _ id: UInt64, _ manifest: ArtifactManifest, of step: Int) {
        guard let place = closing.firstIndex(where: { $0.step == step }) else { return }
        closing[place].askers.append((peer, id))
        closing[place].manifest = manifest
    }

    /// Edge 5.
    ///
    /// - Parameter steps: of the checkpoint, which may be ahead of what is committed.
    /// - Returns: whether batches are dropped.
    mutating func keep(from steps: Int) -> Bool {
        let first = min(steps, committed)
        guard first > checkpoint else { return false }
        checkpoint = first
        kept = kept.filter { $0.key >= first }
        made = made.filter { $0.key >= first }
        return true
    }

    /// A result of a batch that is committed, from the journal.
    mutating func restoreKept(_ outcome: JobOutcome, of job: JobID) {
        switch outcome {
        case .trajectories(let items): kept[job.step]?.add(items, of: job.index)
        case .scores(let scores): kept[job.step]?.add(scores, of: job.index, part: job.part)
        case .failed: break
        }
    }

    /// Edge 4.
    mutating func becomeDurable() -> Commit? {
        guard !closing.isEmpty else { return nil }
        let commit = closing.removeFirst()
        durable = commit.step + 1
        return commit
    }

    // MARK: - Questions

    /// Why a result cannot be one of this job; nil when it can.
    func problem(with outcome: JobOutcome, of job: JobID) -> String? {
        // What comes for a job that was given up is late, and no fault of its sender.
        guard let step = assemblies[job.step], !step.givenUp.contains(job.index) else { return nil }
        return problem(with: outcome, of: job, in: step)
    }

    /// The same of a result of a batch that is kept.
    func problem(withKept outcome: JobOutcome, of job: JobID) -> String? {
        kept[job.step].flatMap { problem(with: outcome, of: job, in: $0) }
    }

    private func problem(with outcome: JobOutcome, of job: JobID, in step: StepAssembly) -> String? {
        switch (outcome, job.kind) {
        case (.trajectories(let items), .generate):
            return step.problem(
                with: items, of: job.index, vocabulary: settings.vocabulary,
                anyVersion: settings.planted.contains(.acceptStaleVersion))
        case (.scores(let scores), .score):
            guard settings.parts.indices.contains(job.part) else { return "no such part" }
            let part = settings.parts[job.part]
            return step.problem(with: scores, of: job.index, reference: part.reference, rewards: part.rewards)
        default: return "a result of another kind of job"
        }
    }

    /// What a worker is sent; nil when the job's step is over.
    func payload(of job: JobID) -> Job? {
        guard let step = assemblies[job.step], step.jobs.indices.contains(job.index) else { return nil }
        switch job.kind {
        case .generate: return .generate(step.jobs[job.index])
        case .score:
            guard let items = step.trajectories[job.index], settings.parts.indices.contains(job.part) else {
                return nil
            }
            let part = settings.parts[job.part]
            var rows: [Int: RowData] = [:]
            if !part.rewards.isEmpty {
                for prompt in step.jobs[job.index].prompts where !prompt.data.isEmpty { rows[prompt.row] = prompt.data }
            }
            return .score(
                ScoreJob(
                    id: job, reference: part.reference, rewards: part.rewards,
                    temperature: settings.sampling.temperature, trajectories: items, rows: rows))
        }
    }
}
