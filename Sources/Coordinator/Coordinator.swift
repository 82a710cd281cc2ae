import Cluster
package import ClusterModel
import Foundation
package import Logging
import Synchronization
package import ZeroMQ

/// The clock of a run: leases jobs, admits results, assembles batches for the learner, announces weights.
///
/// Runs on the socket thread, so a batch of messages costs no hop. It decides by the pure rules of `ClusterModel` and
/// writes to the journal; acknowledgements leave after the journal's commit. Shutdown: the outcome is delivered by
/// `ended`, then `close()` ends sockets and journal.
///
///     STARTING --(1) the learner has published version 0--> RUNNING <--(2) pause, resume--> PAUSED
///     RUNNING --(3) last step committed--> DONE: workers are told to stop, the learner finishes its export and leaves
///     any --(4) a job used up its attempts, or nobody can do what is needed for longer than the grace--> FAILED
///     any --(5) stop asked for--> DRAINING: ends with "try again"
package actor Coordinator {
    package typealias Outcome = Result<Void, CoordinatorError>

    package nonisolated let unownedExecutor: UnownedSerialExecutor
    package nonisolated let address: String
    package nonisolated let epoch: UInt64
    /// The newest snapshot; readable from anywhere without waiting.
    package nonisolated let snapshots: SnapshotStore
    /// Yields once, when the run is over.
    package nonisolated let ended: AsyncStream<Outcome>

    let configuration: CoordinatorConfiguration
    let runId: String
    let endpoint: ServerEndpoint
    let journal: Journal
    let logger: Logger
    let cursor: DatasetCursor
    let now: @Sendable () -> Int64
    let startedMs: Int64
    private let finish: AsyncStream<Outcome>.Continuation

    var state = ClusterSnapshot.RunState.starting
    var ledger: JobLedger
    var steps: [Int: StepAssembly] = [:]
    var committed: Int
    /// Of those the ones in the journal.
    var journaled: Int
    var openedSteps: Int
    var workers: [WorkerID: WorkerRecord] = [:]
    var lostTotal: [Role: Int] = [:]
    var manifests: [ArtifactKind: [Int: ArtifactManifest]] = [:]
    var batchRequest: (peer: WorkerID, id: UInt64, step: Int)?
    var desired: [Role: Int]
    var alarms: [ClusterSnapshot.Alarm] = []
    var missing: [MissingWorker] = []
    var progress = ProgressFigures()
    var outbox: [ServerEndpoint.Outgoing] = []
    var acknowledgements: [WorkerID: [Acknowledgement]] = [:]
    var grants: [WorkerID: [Grant]] = [:]
    var isOver = false
    var needsAssignment = false
    /// Results of each step that are not on disk yet.
    var unflushed: [Int: Int] = [:]
    var stopDeadline: Int64?
    var finalOutcome: Outcome = .success(())
    private var nextSnapshot: Int64 = 0

    /// Opens the journal, begins a new epoch, listens.
    package static func start(
        _ configuration: CoordinatorConfiguration, on thread: SocketThread, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }
    ) async throws -> Coordinator {
        let (ended, finish) = AsyncStream.makeStream(of: Outcome.self)
        let box = ReceiverBox()
        let journal = try Journal(
            path: configuration.journalPath, now: now, deliver: { thread.perform($0) },
            onFailure: { error in thread.perform { box.journalFailed(error) } })
        do {
            let recovered = try journal.start()
            let endpoint = try await ServerEndpoint.listen(
                on: thread, address: configuration.address, epoch: recovered.epoch, logger: logger
            ) { box.receive($0) }
            let coordinator = Coordinator(
                configuration: configuration, thread: thread, endpoint: endpoint, journal: journal,
                recovered: recovered, ended: ended, finish: finish, logger: logger, now: now)
            try await coordinator.begin(recovered)
            try await thread.run {
                box.join(coordinator)
                thread.every(.milliseconds(50)) { [weak coordinator] in
                    coordinator?.assumeIsolated { $0.tick() }
                }
            }
            return coordinator
        } catch {
            journal.close()
            if let error = error as? ZeroMQError {
                throw CoordinatorError("\(error)", exitCode: error.code == .addressInUse ? 75 : 78)
            }
            throw error
        }
    }

    private init(
        configuration: CoordinatorConfiguration, thread: SocketThread, endpoint: ServerEndpoint, journal: Journal,
        recovered: Journal.State, ended: AsyncStream<Outcome>, finish: AsyncStream<Outcome>.Continuation,
        logger: Logger, now: @escaping @Sendable () -> Int64
    ) {
        unownedExecutor = thread.asUnownedSerialExecutor()
        self.configuration = configuration
        self.endpoint = endpoint
        self.journal = journal
        self.ended = ended
        self.finish = finish
        self.logger = logger
        self.now = now
        address = endpoint.address
        epoch = recovered.epoch
        let started = now()
        let runId = recovered.meta["run_id"] ?? "\(configuration.name)-\(String(started, radix: 36))"
        startedMs = started
        self.runId = runId
        committed = recovered.committedSteps
        journaled = recovered.committedSteps
        openedSteps = recovered.committedSteps
        cursor = DatasetCursor(
            rows: configuration.prompts.count, promptsPerStep: configuration.promptsPerStep, seed: configuration.seed)
        ledger = JobLedger(retriesAllowed: configuration.retries)
        desired = configuration.desired
        snapshots = SnapshotStore(
            ClusterSnapshot(
                runId: runId, name: configuration.name, epoch: recovered.epoch, state: .starting, startedMs: started,
                nowMs: started, steps: configuration.steps))
    }

    private func begin(_ recovered: Journal.State) throws {
        if recovered.meta["run_id"] == nil { journal.write([.meta(key: "run_id", value: runId)]) }
        if recovered.meta["inputs"] == nil, !configuration.inputs.isEmpty {
            journal.write([.meta(key: "inputs", value: configuration.inputs)])
        }
        for manifest in recovered.manifests {
            manifests[manifest.kind, default: [:]][manifest.version.number] = manifest
        }
        logger.info(
            "coordinator", metadata: ["address": "\(address)", "epoch": "\(epoch)", "committed": "\(committed)"])
        // A learner that is still alive serves what the journal lists; whatever it serves it publishes again.
        openSteps()
        for (id, items) in recovered.trajectories.sorted(by: { $0.key < $1.key }) {
            guard let step = steps[id.step] else { continue }
            if let problem = step.problem(with: items, of: id.index) {
                throw misfit(id, problem, "prompts or the rollout")
            }
            ledger.restoreCompleted(id)
            accept(items, of: id)
        }
        for (id, scores) in recovered.scores.sorted(by: { $0.key < $1.key }) where steps[id.step] != nil {
            if let problem = problem(with: .scores(scores), of: id) {
                throw misfit(id, problem, "rewards or the reference")
            }
            ledger.restoreCompleted(id)
            steps[id.step]?.add(scores, of: id.index, part: id.part)
        }
        publishSnapshot(force: true)
    }

    private func misfit(_ job: JobID, _ problem: String, _ sections: String) -> CoordinatorError {
        CoordinatorError(
            """
            the journal \(configuration.journalPath) has a result of \(words(for: job)) that does not fit this run \
            file: \(problem); the \(sections) section has changed since; restore it, or start anew with --fresh
            """, exitCode: 78)
    }

    // MARK: - Turn

    func handle(_ batch: [ServerEndpoint.Incoming]) {
        guard !isOver else { return }
        for incoming in batch { handle(incoming) }
        assign()
        flush()
        publishSnapshot(force: false)
    }

    private func tick() {
        guard !isOver else { return }
        let time = now()
        expire(time)
        checkWaits(time)
        assign()
        flush()
        if let limit = stopDeadline, time > limit || workers.values.allSatisfy({ $0.state == .gone }) { end() }
        publishSnapshot(force: false)
    }

    // MARK: - Steps

    /// Opens every step whose policy version is published: makes its jobs.
    func openSteps() {
        guard let newest = manifests[.policy]?.keys.max() else { return }
        if state == .starting { state = .running }
        let schedule = configuration.schedule
        while openedSteps < configuration.steps, openedSteps <= schedule.lastOpenStep(published: newest),
            openedSteps <= committed + schedule.lag,
            let manifest = manifests[.policy]?[schedule.version(for: openedSteps)]
        {
            let step = openedSteps
            let prompts = cursor.places(of: step).map { place in
                var prompt = configuration.prompts[place.row]
                prompt.occurrence = place.occurrence
                return prompt
            }
            let jobs = configuration.plan.parts(prompts).enumerated().map { index, part in
                GenerateJob(
                    id: JobID(step: step, index: index, kind: .generate), version: manifest.version,
                    seed: configuration.seed, samples: part.samples, sampling: configuration.sampling,
                    prompts: part.prompts)
            }
            steps[step] = StepAssembly(step: step, jobs: jobs, parts: configuration.parts.count)
            for job in jobs { ledger.add(job.id) }
            openedSteps += 1
        }
    }

    /// A generate job's result: its score jobs come into being.
    func accept(_ items: [Trajectory], of id: JobID) {
        steps[id.step]?.add(items, of: id.index)
        for part in configuration.parts.indices {
            ledger.add(JobID(step: id.step, index: id.index, kind: .score, part: part))
        }
    }

    func answerBatchRequest() {
        guard let request = batchRequest, let step = steps[request.step], step.isComplete,
            unflushed[step.step, default: 0] == 0
        else { return }
        if let (reason, jobs) = step.withoutReward(configuration.neededRewards) {
            endWithoutReward(step.step, reason, jobs)
            return
        }
        batchRequest = nil
        outbox.append(.init(request.peer, .batchReady(step: step.step, jobs: step.jobs.count), inReplyTo: request.id))
    }

    // MARK: - Ending

    /// A reward that fails for every answer is down, not puzzled by a text. Its results are taken out of the journal, so
    /// that the same command scores the step again once the reward is mended.
    private func endWithoutReward(_ step: Int, _ reason: String, _ jobs: [JobID]) {
        batchRequest = nil
        journal.write([.withdrawn(jobs, reason: "step \(step): \(reason)")]) { [self] in
            assumeIsolated {
                $0.fail(
                    CoordinatorError(
                        """
                        step \(step): \(reason). Mend the reward and call the same command again: the step is scored anew
                        """, exitCode: 75))
            }
        }
    }

    /// Edge 3, 4 or 5: everyone is told; the process ends when all have left, or at the deadline.
    func stop(_ outcome: Outcome, reason: String, exitCode: Int, includingLearner: Bool = true) {
        guard stopDeadline == nil else { return }
        finalOutcome = outcome
        stopDeadline = now() + (includingLearner ? 5_000 : 120_000)
        for (id, worker) in workers where worker.state != .gone {
            if worker.hello.role == .learner, !includingLearner { continue }
            outbox.append(.init(id, .stop(reason: reason, exitCode: exitCode)))
        }
        flush()
        publishSnapshot(force: true)
    }

    /// Ends the run as failed; the cause names what to do.
    func fail(_ error: CoordinatorError) {
        guard stopDeadline == nil else { return }
        state = .failed
        logger.critical("\(error.message)")
        journal.write([.event(kind: "failed", detail: error.message)])
        stop(.failure(error), reason: error.message, exitCode: Int(error.exitCode))
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        publishSnapshot(force: true)
        finish.yield(finalOutcome)
        finish.finish()
    }

    package func close() {
        isOver = true
        endpoint.close()
        journal.close()
    }

    func publishSnapshot(force: Bool) {
        let time = now()
        guard force || time >= nextSnapshot else { return }
        nextSnapshot = time + 100
        snapshots.set(makeSnapshot(time))
    }
}

/// The newest snapshot, for readers on any thread.
package final class SnapshotStore: Sendable {
    private let value: Mutex<ClusterSnapshot>

    package init(_ snapshot: ClusterSnapshot) { value = Mutex(snapshot) }
    package var current: ClusterSnapshot { value.withLock { $0 } }
    package func set(_ snapshot: ClusterSnapshot) { value.withLock { $0 = snapshot } }
}

/// Breaks the circle between the coordinator and its endpoint and journal.
private final class ReceiverBox: @unchecked Sendable {
    // SAFETY: used on the socket thread alone.
    private var coordinator: Coordinator?
    private var failure: CoordinatorError?

    func join(_ coordinator: Coordinator) {
        self.coordinator = coordinator
        if let failure { coordinator.assumeIsolated { $0.fail(failure) } }
    }

    func receive(_ batch: [ServerEndpoint.Incoming]) {
        coordinator?.assumeIsolated { $0.handle(batch) }
    }

    /// A journal may fail before there is a coordinator to end.
    func journalFailed(_ error: CoordinatorError) {
        failure = error
        coordinator?.assumeIsolated { $0.fail(error) }
    }
}
