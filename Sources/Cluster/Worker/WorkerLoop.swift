import ClusterModel
import Foundation
package import Logging

/// The life of a generator or scorer around its jobs: join, take leases, renew them, hand in results, drain, leave.
///
///     (1) HELLO, WELCOME -> configure -> (2) artifacts announced -> credit -> (3) lease -> run -> result -> (3)
///     (4) drain asked for, or SIGTERM: no new leases, finish what runs, or hand it back when the time for it is up, wait
///         for acknowledgements -> BYE
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

        /// For people, and what BYE says.
        package var words: String {
            switch self {
            case .drained: "drained"
            case .stopped(let reason, _): reason
            case .refused(_, let message): message
            case .unable(let reason): reason
            }
        }
    }

    private enum Event: Sendable {
        case message(Message)
        /// A job has ended while the worker drains.
        case idle
        case drain
        case closed
    }

    private let link: WorkerLink
    private let runner: any JobRunner
    private let slots: Int
    /// How long a drain may finish what runs; nil: as long as it takes.
    private let drainPatience: Duration?
    private let onEnding: @Sendable (Ending) -> Void
    private let logger: Logger
    private let events: AsyncStream<Event>
    private let inbox: AsyncStream<Event>.Continuation
    private let queue = LeaseQueue()
    private let metrics: WorkerMetrics
    private var isDraining = false
    private var drainEnd: ContinuousClock.Instant?
    private var hasCredit = false

    /// - Parameters:
    ///   - slots: leases held at a time: one that runs and the next, so that the worker never waits for a message.
    ///   - drainPatience: how long a drain may finish what runs; nil: as long as it takes.
    ///   - onEnding: told as soon as it is known how the loop ends; `run` returns when what computes has noticed too.
    package init(
        link: WorkerLink, runner: any JobRunner, slots: Int = 2, drainPatience: Duration? = nil,
        onEnding: @escaping @Sendable (Ending) -> Void = { _ in }, logger: Logger
    ) {
        self.onEnding = onEnding
        self.drainPatience = drainPatience
        self.link = link
        self.runner = runner
        self.slots = slots
        self.logger = logger
        metrics = WorkerMetrics(link.identity.capabilities.kinds)
        (events, inbox) = AsyncStream.makeStream(of: Event.self)
    }

    /// Asks for edge 4 from outside; from any thread.
    package nonisolated func drain() { inbox.yield(.drain) }

    package func run() async -> Ending {
        // Leases go from the socket thread straight to the work; everything else takes its turn here.
        link.listen { [queue, inbox, link] message in
            switch message {
            case .lease(let grants, _):
                for grant in grants where !queue.push(grant) { Self.handBack(grant.job.id, grant.attempt, link) }
            case .cancel(let job, let attempt, _): queue.cancel(job, attempt: attempt)
            case .some(let message): inbox.yield(.message(message))
            case nil: inbox.yield(.closed)
            }
        }
        return await withTaskGroup(of: Void.self, returning: Ending.self) { group in
            defer {
                queue.close()
                group.cancelAll()
            }
            group.addTask { await self.work() }
            group.addTask { await self.runner.fetchAhead() }
            group.addTask { await self.pulse() }
            for await event in events {
                if let ending = await handle(event) {
                    tell(ending)
                    onEnding(ending)
                    await link.close(reason: ending.words)
                    return ending
                }
            }
            await link.close(reason: "cancelled")
            return .drained
        }
    }

    /// What is an error is told by the process, which ends with it.
    private nonisolated func tell(_ ending: Ending) {
        switch ending {
        case .drained: logger.info("drained: what it had is handed in")
        case .stopped: logger.info("the run has ended: \(ending.words)")
        case .refused, .unable: break
        }
    }

    /// Job after job, until the queue is closed.
    private nonisolated func work() async {
        while let leased = await queue.next() {
            metrics.began()
            let outcome = await outcomeUnlessCalledBack(leased)
            metrics.ended(leased.job.id.kind, outcome)
            if let outcome { link.tell(.result(leased.job.id, attempt: leased.attempt, outcome)) }
            if queue.finished() { inbox.yield(.idle) }
        }
    }

    private func pulse() async {
        for tick in 1... {
            do { try await Task.sleep(for: .milliseconds(100)) } catch { return }
            metrics.passTime()
            if tick % 10 == 0 { report() }
            // The last acknowledgement may come when nothing else happens any more.
            if isDraining { inbox.yield(.drain) }
        }
    }

    private func handle(_ event: Event) async -> Ending? {
        switch event {
        case .message(let message): if let ending = await handle(message) { return ending }
        case .idle: break
        case .drain: await beginDrain()
        case .closed:
            let reason = link.ending?.message ?? "the link to the coordinator was closed"
            return .refused(code: "closed", message: reason)
        }
        if isDraining, queue.isIdle, await link.isFlushed() { return .drained }
        return nil
    }

    private func handle(_ message: Message) async -> Ending? {
        switch message {
        case .welcome(let welcome):
            guard let setup = welcome.setup else {
                return .unable("the coordinator says nothing of the run to a process of this role")
            }
            if let problem = setup.problem { return .unable("what the coordinator says of the run: \(problem)") }
            do {
                try await runner.configure(setup)
            } catch {
                return .unable("\(error)")
            }
            for manifest in welcome.artifacts { await runner.announced(manifest) }
            await grantCredit()
            report()
        case .artifact(let manifest):
            await runner.announced(manifest)
            await grantCredit()
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

    /// Jobs that only wait are handed back at once; the one that runs is finished, if there is time for it.
    private func beginDrain() async {
        guard !isDraining else {
            guard let end = drainEnd, ContinuousClock.now >= end, let leased = queue.giveUpRunning() else { return }
            logger.notice("the time to drain is up: a job is handed back", metadata: ["job": "\(leased.job.id)"])
            return Self.handBack(leased.job.id, leased.attempt, link)
        }
        isDraining = true
        drainEnd = drainPatience.map { ContinuousClock.now + $0 }
        link.tell(.credit(slots: 0))
        for leased in queue.drain() { Self.handBack(leased.job.id, leased.attempt, link) }
        report()
    }

    private static func handBack(_ job: JobID, _ attempt: Int, _ link: WorkerLink) {
        let outcome = JobOutcome.failed(
            code: JobOutcome.draining, message: "the worker is leaving", retryable: true)
        link.tell(.result(job, attempt: attempt, outcome))
    }

    /// The work is cancelled when its job is called back, so that it does not wait for what nobody needs any more, as for
    /// weights that no source holds.
    private nonisolated func outcomeUnlessCalledBack(_ leased: Grant) async -> JobOutcome? {
        await withTaskGroup(of: (isWork: Bool, outcome: JobOutcome?).self) { [runner, queue, link, logger] group in
            group.addTask { (true, await Self.outcome(of: leased, runner, queue, link, logger)) }
            group.addTask {
                await queue.untilCalledBack()
                return (false, nil)
            }
            while let end = await group.next() {
                group.cancelAll()
                if end.isWork { return end.outcome }
            }
            return nil
        }
    }

    /// nil when the job was called back, or the worker is cancelled: its lease goes to another.
    private static func outcome(
        of leased: Grant, _ runner: any JobRunner, _ queue: LeaseQueue, _ link: WorkerLink, _ logger: Logger
    ) async -> JobOutcome? {
        do {
            return try await runner.run(leased.job) { tokens in
                let (goOn, renewals) = queue.progress(tokens)
                if !renewals.isEmpty { link.tell(.renewal(renewals)) }
                return goOn
            }
        } catch let error as JobError {
            logger.error("job failed", metadata: ["job": "\(leased.job.id)", "reason": "\(error.message)"])
            return .failed(code: error.code, message: error.message, retryable: error.retryable)
        } catch let error as ClusterError where error.code == .artifact {
            logger.error("job failed", metadata: ["job": "\(leased.job.id)", "reason": "\(error)"])
            return .failed(code: JobOutcome.unserved, message: error.message, retryable: true)
        } catch is CancellationError {
            return nil
        } catch {
            logger.error("job failed", metadata: ["job": "\(leased.job.id)", "reason": "\(error)"])
            return .failed(code: "failed", message: "\(error)", retryable: true)
        }
    }

    private func report() {
        let state =
            isDraining ? WorkerReport.draining : !queue.isIdle ? "busy" : hasCredit ? WorkerReport.idle : "loading"
        link.tell(.report(WorkerReport(state: state, residentBytes: Self.residentBytes())))
        // Said again, in case that it was lost.
        if hasCredit, !isDraining { link.tell(.credit(slots: slots)) }
    }

    private static func residentBytes() -> UInt64 {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (UInt64(fields[1]) ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
