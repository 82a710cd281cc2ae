import Cluster
package import ClusterModel
import Foundation
package import Logging
import Synchronization
package import Transport

/// Carries out what ``RunMachine`` decides: it tells the machine what comes from the socket, the journal, the clock and the
/// operator, and does what the machine says. There is no rule here.
///
/// Runs on the socket thread, so a batch of messages costs no hop. Shutdown: the outcome is delivered by `ended`, then
/// `close()` ends sockets and journal.
package actor Coordinator {
    package typealias Outcome = Result<Void, RunEnding>

    package nonisolated let unownedExecutor: UnownedSerialExecutor
    package nonisolated let address: String
    package nonisolated let epoch: UInt64
    /// The newest snapshot; readable from anywhere without waiting.
    package nonisolated let snapshots: SnapshotStore
    /// Yields once, when the run is over.
    package nonisolated let ended: AsyncStream<Outcome>

    /// Milliseconds between two snapshots that nothing asks for, and what part of the time all of them may take.
    private static let snapshotPeriod: Int64 = 100
    private static let snapshotShare = 0.02
    private static let longestPeriod: Int64 = 2_000

    private(set) var machine: RunMachine
    /// nil when the run has no directory.
    private let files: RunFiles?
    let endpoint: ServerEndpoint
    private let journal: Journal
    private let access: AccessFigures
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let finish: AsyncStream<Outcome>.Continuation
    private var nextSnapshot: Int64 = 0
    private var isSnapshotDue = false
    /// Milliseconds that the last one took.
    private var snapshotCost = 0.0
    private var isClosed = false

    /// Opens the journal, begins a new epoch, listens. The time is that of `thread`.
    package static func start(
        _ configuration: CoordinatorConfiguration, on thread: any TransportLoop, logger: Logger
    ) async throws -> Coordinator {
        let now = milliseconds(of: thread)
        let box = ReceiverBox()
        let journal = try Journal(
            path: configuration.journalPath, now: now,
            onDurable: { number in thread.perform { box.tell(.durable(number)) } },
            onFailure: { error in thread.perform { box.tell(.failed(error)) } })
        do {
            let recovered = try journal.start()
            let endpoint = try await ServerEndpoint.listen(
                on: thread, address: configuration.address, epoch: recovered.epoch, security: configuration.security,
                roster: configuration.roster, refusals: configuration.refusals, logger: logger
            ) { box.tell(.messages($0)) }
            let machine = try RunMachine(
                configuration.run, recovered: recovered, inputs: configuration.inputs, address: endpoint.address,
                at: now())
            let files = try configuration.runDirectory.map {
                try RunFiles($0, weights: configuration.weights, journal: configuration.journalPath)
            }
            let isOpen = if case .noneAnywhere = configuration.security { true } else { false }
            let coordinator = Coordinator(
                machine, files, thread: thread, endpoint: endpoint, journal: journal,
                access: AccessFigures(refusals: configuration.refusals, isOpen: isOpen), logger: logger, now: now)
            try await thread.run {
                coordinator.assumeIsolated {
                    $0.begin()
                    if let keys = configuration.keys { $0.handle(.keys(keys)) }
                }
                box.join(coordinator)
                thread.every(.milliseconds(50)) { [weak coordinator] in
                    coordinator?.assumeIsolated { $0.handle(.tick) }
                }
            }
            return coordinator
        } catch {
            journal.close()
            if let error = error as? TransportError {
                throw RunEnding("\(error)", exitCode: error.code == .addressInUse ? 75 : 78)
            }
            throw error
        }
    }

    private init(
        _ machine: RunMachine, _ files: sending RunFiles?, thread: any TransportLoop, endpoint: ServerEndpoint,
        journal: Journal, access: AccessFigures, logger: Logger, now: @escaping @Sendable () -> Int64
    ) {
        self.access = access
        unownedExecutor = thread.asUnownedSerialExecutor()
        self.machine = machine
        self.files = files
        self.endpoint = endpoint
        self.journal = journal
        self.logger = logger
        self.now = now
        address = endpoint.address
        epoch = machine.epoch
        (ended, finish) = AsyncStream.makeStream(of: Outcome.self)
        var first = machine
        snapshots = SnapshotStore(first.snapshot(at: now()))
    }

    /// The time of day at the start, and from then on what a clock shows that nobody sets.
    private static func milliseconds(of thread: any TransportLoop) -> @Sendable () -> Int64 {
        let (start, began) = (Int64(Date().timeIntervalSince1970 * 1000), thread.now)
        return { start + Int64((thread.now - began) / .milliseconds(1)) }
    }

    // MARK: - Turn

    private func begin() { carryOut(machine.begin()) }

    func handle(_ event: RunEvent) {
        guard !isClosed else { return }
        carryOut(machine.handle(event, at: now()))
        publishSnapshot(force: false)
    }

    private func carryOut(_ effects: [RunEffect]) {
        for effect in effects {
            switch effect {
            case .persist(let entries, let number): journal.write(entries, number: number)
            case .send(let messages):
                for message in messages { access.note(message) }
                endpoint.send(messages)
            case .forget(let peer): endpoint.forget(peer)
            case .record(let record): write(record)
            case .log(let line): logger.log(line)
            case .expose: publishSnapshot(force: true)
            case .end(let ending):
                // The last word is said whatever it costs.
                nextSnapshot = 0
                publishSnapshot(force: true)
                finishFiles()
                finish.yield(ending.map { .failure(access.told(of: $0)) } ?? .success(()))
                finish.finish()
            }
        }
    }

    private func write(_ record: StepRecord) {
        do {
            try files?.append(record)
        } catch {
            let ending = RunEnding("cannot write the figures of step \(record.step + 1): \(error)")
            endpoint.thread.perform { [weak self] in self?.assumeIsolated { $0.handle(.failed(ending)) } }
        }
    }

    private func finishFiles() {
        do {
            try files?.finish()
        } catch {
            logger.error("held-out figures are missing in TensorBoard's event files", metadata: ["why": "\(error)"])
        }
    }

    /// - Parameter force: a reader waits for it; where a snapshot is much work, as with a thousand workers, it comes a little
    ///   later.
    private func publishSnapshot(force: Bool) {
        let time = now()
        isSnapshotDue = isSnapshotDue || force
        guard time >= nextSnapshot || (isSnapshotDue && snapshotCost < 1) else { return }
        isSnapshotDue = false
        let began = endpoint.thread.now
        defer {
            snapshotCost = (endpoint.thread.now - began) / .milliseconds(1)
            nextSnapshot =
                time + max(Self.snapshotPeriod, min(Self.longestPeriod, Int64(snapshotCost / Self.snapshotShare)))
        }
        var snapshot = machine.snapshot(at: time)
        let traffic = endpoint.counters
        snapshot.counters.receivedBytes = traffic.receivedBytes
        snapshot.counters.sentBytes = traffic.sentBytes
        snapshot.counters.malformed = traffic.malformed
        snapshot.counters.damaged = traffic.damaged
        snapshot.counters.muted = traffic.muted
        snapshot.counters.refused += traffic.refused
        snapshot.counters.failedHandshakes = traffic.failedHandshakes
        access.show(in: &snapshot)
        let statistics = journal.statistics
        snapshot.counters.journalCommits = statistics.commits
        snapshot.counters.journalCommitSeconds = statistics.seconds
        snapshot.counters.journalBytes = journal.size
        snapshots.set(snapshot)
    }

    package func close() {
        isClosed = true
        endpoint.close()
        journal.close()
    }
}
