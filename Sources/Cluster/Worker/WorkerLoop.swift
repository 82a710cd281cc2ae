import ClusterModel
import Foundation
package import Logging
import Synchronization

/// The life of a generator or scorer around its jobs: join, take leases, renew them, hand in results, drain, leave.
///
///     (1) HELLO, WELCOME -> configure -> (2) artifacts announced -> credit -> (3) lease -> run -> result -> (3)
///     (4) drain asked for, or SIGTERM: no new leases, finish what runs, wait for acknowledgements -> BYE
///     (5) stop: BYE at once;  (6) refused for good: end with the coordinator's reason
///
/// Leases are renewed from the progress calls of the work itself: work that hangs loses its lease.
package actor WorkerLoop {
    package enum Ending: Sendable, Equatable {
        case drained
        case stopped(reason: String, exitCode: Int)
        case refused(code: String, message: String)
        /// What is wrong lies in the configuration or in an artifact; another start changes nothing.
        case unable(String)
    }

    private enum Event: Sendable {
        case message(Message)
        case finished
        case drain
        case closed
    }

    private struct Leased { var job: Job; var attempt: Int }

    private let link: WorkerLink
    private let runner: any JobRunner
    private let slots: Int
    private let logger: Logger
    private let events: AsyncStream<Event>
    private let inbox: AsyncStream<Event>.Continuation

    private var waiting: [Leased] = [] {
        didSet { queued.set(waiting.map { RenewedJob(job: $0.job.id, attempt: $0.attempt, tokens: 0) }) }
    }
    private var running: Leased?
    private let cancelled = CancelledJobs()
    private let queued = QueuedLeases()
    private var isDraining = false
    private var hasCredit = false

    /// - Parameter slots: leases held at a time: one that runs and the next, so that the worker never waits for a message.
    package init(link: WorkerLink, runner: any JobRunner, slots: Int = 2, logger: Logger) {
        self.link = link
        self.runner = runner
        self.slots = slots
        self.logger = logger
        (events, inbox) = AsyncStream.makeStream(of: Event.self)
    }

    /// Asks for edge 4 from outside; from any thread.
    package nonisolated func drain() { inbox.yield(.drain) }

    package func run() async -> Ending {
        link.listen { [inbox] message in inbox.yield(message.map { .message($0) } ?? .closed) }
        let pulse = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                await self?.report()
            }
        }
        defer { pulse.cancel() }
        for await event in events {
            if let ending = await handle(event) {
                await link.close(reason: "\(ending)")
                return ending
            }
        }
        return .drained
    }

    private func handle(_ event: Event) async -> Ending? {
        switch event {
        case .message(let message): if let ending = await handle(message) { return ending }
        case .finished:
            running = nil
            startNext()
        case .drain: await beginDrain()
        case .closed: return .refused(code: "closed", message: "the link to the coordinator was closed")
        }
        if isDraining, running == nil, waiting.isEmpty, await link.isFlushed() { return .drained }
        return nil
    }

    private func handle(_ message: Message) async -> Ending? {
        switch message {
        case .welcome(let welcome):
            do {
                try await runner.configure(welcome.roleConfiguration)
            } catch {
                return .unable("\(error)")
            }
            for manifest in welcome.artifacts { await runner.announced(manifest) }
            await grantCredit()
            await report()
        case .artifact(let manifest):
            await runner.announced(manifest)
            await grantCredit()
        case .lease(let job, let attempt, _):
            waiting.append(Leased(job: job, attempt: attempt))
            startNext()
        case .cancel(let job, let attempt, let reason):
            logger.debug("cancelled", metadata: ["job": "\(job)", "reason": "\(reason)"])
            waiting.removeAll { $0.job.id == job && $0.attempt == attempt }
            cancelled.insert(job, attempt)
        case .drain: await beginDrain()
        case .stop(let reason, let code): return .stopped(reason: reason, exitCode: code)
        case .refused(let code, let text) where code != "malformed": return .refused(code: code, message: text)
        default: break
        }
        return nil
    }

    private func grantCredit() async {
        guard !isDraining, await runner.isReady else { return }
        hasCredit = true
        link.tell(.credit(slots: slots))
    }

    /// Jobs that only wait are handed back at once; the one that runs is finished.
    private func beginDrain() async {
        guard !isDraining else { return }
        isDraining = true
        link.tell(.credit(slots: 0))
        for leased in waiting {
            let outcome = JobOutcome.failed(code: "draining", message: "the worker is leaving", retryable: true)
            link.tell(.result(leased.job.id, attempt: leased.attempt, outcome))
        }
        waiting.removeAll()
        await report()
        // The acknowledgements may come when nothing else happens any more.
        Task { [inbox] in
            for _ in 0..<600 {
                try? await Task.sleep(for: .milliseconds(100))
                inbox.yield(.drain)
            }
        }
    }

    private func startNext() {
        guard running == nil, !waiting.isEmpty else { return }
        let leased = waiting.removeFirst()
        running = leased
        let id = leased.job.id
        let attempt = leased.attempt
        Task { [link, runner, inbox, logger, cancelled, queued] in
            let renewals = Renewals(link: link, job: id, attempt: attempt, cancelled: cancelled, queued: queued)
            let outcome: JobOutcome?
            do {
                outcome = try await runner.run(leased.job) { renewals.progress($0) }
            } catch let error as JobError {
                logger.error("job failed", metadata: ["job": "\(id)", "reason": "\(error.message)"])
                outcome = .failed(code: error.code, message: error.message, retryable: error.retryable)
            } catch {
                logger.error("job failed", metadata: ["job": "\(id)", "reason": "\(error)"])
                outcome = .failed(code: "failed", message: "\(error)", retryable: true)
            }
            if let outcome { link.tell(.result(id, attempt: attempt, outcome)) }
            inbox.yield(.finished)
        }
    }

    private func report() async {
        let state = isDraining ? "draining" : running != nil ? "busy" : hasCredit ? "idle" : "loading"
        link.tell(.report(WorkerReport(state: state, residentBytes: Self.residentBytes())))
    }

    private static func residentBytes() -> UInt64 {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (UInt64(fields[1]) ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}

/// Which attempts the coordinator has called back; asked from the compute thread.
private final class CancelledJobs: Sendable {
    private let set = Mutex<Set<String>>([])
    func insert(_ job: JobID, _ attempt: Int) { set.withLock { _ = $0.insert("\(job)#\(attempt)") } }
    func contains(_ job: JobID, _ attempt: Int) -> Bool { set.withLock { $0.contains("\(job)#\(attempt)") } }
}

/// Leases that wait for the job before them; its progress is theirs.
private final class QueuedLeases: Sendable {
    private let jobs = Mutex<[RenewedJob]>([])
    func set(_ new: [RenewedJob]) { jobs.withLock { $0 = new } }
    var all: [RenewedJob] { jobs.withLock { $0 } }
}

/// Turns progress of the work into renewals, a few each second at most.
private final class Renewals: Sendable {
    private let link: WorkerLink
    private let job: JobID
    private let attempt: Int
    private let cancelled: CancelledJobs
    private let queued: QueuedLeases
    /// A lease that was just given needs no renewal yet.
    private let last = Mutex(ContinuousClock.now)

    init(link: WorkerLink, job: JobID, attempt: Int, cancelled: CancelledJobs, queued: QueuedLeases) {
        self.link = link
        self.job = job
        self.attempt = attempt
        self.cancelled = cancelled
        self.queued = queued
    }

    /// False when the job was called back.
    func progress(_ tokens: Int) -> Bool {
        let now = ContinuousClock.now
        let isDue = last.withLock { last in
            if now - last < .milliseconds(250) { return false }
            last = now
            return true
        }
        if isDue { link.tell(.renewal([RenewedJob(job: job, attempt: attempt, tokens: tokens)] + queued.all)) }
        return !cancelled.contains(job, attempt)
    }
}
