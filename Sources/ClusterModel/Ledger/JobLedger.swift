import DequeModule

/// The rule that every job counts once, whoever runs it and however often.
///
///                +------------- (5) lease ran out, worker lost, retryable failure ---------+
///                v                                                                          |
///     (1) PENDING --(2) leased to a worker with credit--> LEASED(worker, attempt, deadline) -+
///          ^  ^ (9) its worker is silent: others may      | (3) renewed: deadline moves     |
///                |                                          v (4) result                     | (6) attempts used up, or
///                +-- restart without a journaled result   ARRIVED(worker)                    v     hopeless for everybody
///                                                           |  ^                           FAILED (the run ends)
///                                                           |  +-- (7) a late result of an earlier attempt counts as well:
///                                                           v (8) on disk          jobs are deterministic
///                                                         COMPLETED
///
/// Edge 9 goes back when the worker is heard before somebody else has the job. A job goes that way as often as there are
/// workers for it: whoever gets it may be hit in its turn, and one that silences whoever has it must come to rest.
///
/// At edge 2 a job is passed over by a worker that has failed at it, as long as another one is there that has not.
///
/// No clock and no socket: times are milliseconds that the caller gives.
package struct JobLedger: Sendable {
    package struct Lease: Sendable, Hashable {
        package var worker: WorkerID
        package var attempt: Int
        package var deadline: Int64
        /// When it was given, or renewed last.
        package var renewed: Int64
        package var tokens: Int
        /// In the order in which leases are given.
        package var number: UInt64
    }

    package enum State: Sendable, Hashable {
        case pending
        case leased(Lease)
        /// Its result is not on disk yet, and the slot of the worker that sent it is still taken.
        case arrived(WorkerID)
        case completed
        case failed
    }

    /// Jobs of one kind that the same workers can do.
    package struct Queue: Sendable, Hashable {
        package var kind: JobKind
        package var part: Int

        package init(kind: JobKind, part: Int) {
            self.kind = kind
            self.part = part
        }

        package init(_ job: JobID) { self.init(kind: job.kind, part: job.part) }
    }

    package enum Admission: Sendable, Hashable {
        case accepted
        case duplicate
        /// Of a step that is over, or that never was.
        case stale
    }

    package enum Failure: Sendable, Hashable {
        case retried(attempt: Int)
        case exhausted
        case ignored
    }

    /// How often a job was handed on because its worker was silent, or had nothing of it.
    private struct Handings: Sendable {
        var count = 0
        var lostOnTheirWay = 0
        /// Of the leases that silent workers may still believe in.
        var attempts: [WorkerID: Int] = [:]
    }

    package private(set) var retries: [JobKind: Int] = [:]
    package private(set) var expirations: [JobKind: Int] = [:]
    package private(set) var completedTotal: [JobKind: Int] = [:]
    package private(set) var duplicates: [JobKind: Int] = [:]
    package private(set) var staleTotal: [JobKind: Int] = [:]

    private var states: [JobID: State] = [:]
    private var attempts: [JobID: Int] = [:]
    private var failures: [JobID: Int] = [:]
    /// Who has failed at a job that others may still do.
    private var avoided: [JobID: Set<WorkerID>] = [:]
    private var handings: [JobID: Handings] = [:]
    /// Workers that were silent, until they are heard again, and what was handed on from each.
    private var silent: [WorkerID: Set<JobID>] = [:]
    /// Whom a job may have taken with it: workers that were lost, or hung, while they had it, each time.
    private var victims: [JobID: [WorkerID]] = [:]
    /// Whose ends were seen while they worked at a job, whatever ended them.
    private var deaths: [JobID: [WorkerID]] = [:]
    /// In order; an entry whose job is not pending any more is passed over.
    private var pending: [Queue: Deque<JobID>] = [:]
    private var pendingCounts: [Queue: Int] = [:]
    /// Of those that are pending, how many have been leased before.
    private var retryingCounts: [JobKind: Int] = [:]
    private var slots = TakenSlots()
    private var leasesGiven: UInt64 = 0
    private var arrivedOfStep: [Int: Int] = [:]
    private let retriesAllowed: Int

    package init(retriesAllowed: Int) { self.retriesAllowed = retriesAllowed }

    // MARK: - Questions

    package func state(of job: JobID) -> State? { states[job] }
    package func leases(of worker: WorkerID) -> Set<JobID> { slots.leases(of: worker) }
    package func pendingCount(_ queue: Queue) -> Int { pendingCounts[queue] ?? 0 }
    /// Those that have pending jobs, in order.
    package var queues: [Queue] {
        pendingCounts.filter { $0.value > 0 }.keys.sorted { ($0.kind, $0.part) < ($1.kind, $1.part) }
    }

    /// Slots of a worker that are taken: its leases, and its results that are not on disk yet.
    package func taken(by worker: WorkerID) -> Int { slots.taken(by: worker) }
    /// Workers whose taken slots have changed since this was last asked.
    mutating func takeChanged() -> Set<WorkerID> { slots.takeChanged() }

    /// True when every result of the step that has come is on disk.
    package func isDurable(_ step: Int) -> Bool { (arrivedOfStep[step] ?? 0) == 0 }

    package func pendingCount(_ kind: JobKind) -> Int {
        pendingCounts.reduce(0) { $0 + ($1.key.kind == kind ? $1.value : 0) }
    }

    package func leasedCount(_ kind: JobKind) -> Int { slots.leasedCount(kind) }

    package func retrying(_ kind: JobKind) -> Int { retryingCounts[kind] ?? 0 }

    // MARK: - Edges

    /// Edge 1. A job that is known already stays as it is.
    package mutating func add(_ job: JobID) {
        guard states[job] == nil else { return }
        states[job] = .pending
        pending[Queue(job), default: []].append(job)
        pendingCounts[Queue(job), default: 0] += 1
    }

    /// A result that the journal already has (restart).
    package mutating func restoreCompleted(_ job: JobID) {
        if states[job] == .pending { leavePending(job) }
        states[job] = .completed
    }

    /// Edge 2: the next job of the queue, leased to `worker`.
    ///
    /// - Parameter isOneBeside: whether somebody can work at the queue now who is not one of these. A job at which the worker
    ///   has failed is left to them.
    package mutating func lease(
        from queue: Queue, to worker: WorkerID, deadline: Int64, now: Int64,
        isOneBeside: (Set<WorkerID>) -> Bool = { _ in false }
    ) -> (job: JobID, attempt: Int)? {
        var passedOver: [JobID] = []
        defer { for job in passedOver.reversed() { pending[queue]?.prepend(job) } }
        while let job = pending[queue]?.popFirst() {
            guard states[job] == .pending else { continue }
            if let failed = avoided[job], failed.contains(worker), isOneBeside(failed) {
                passedOver.append(job)
                continue
            }
            let attempt = (attempts[job] ?? 0) + 1
            hand(job, to: worker, attempt: attempt, deadline, now)
            return (job, attempt)
        }
        return nil
    }

    private mutating func hand(
        _ job: JobID, to worker: WorkerID, attempt: Int, _ deadline: Int64, _ now: Int64
    ) {
        leavePending(job)
        attempts[job] = max(attempts[job] ?? 0, attempt)
        leasesGiven += 1
        states[job] = .leased(
            Lease(
                worker: worker, attempt: attempt, deadline: deadline, renewed: now, tokens: 0, number: leasesGiven))
        slots.lease(job, to: worker, deadline: deadline)
    }

    /// A worker that outlived the coordinator still works at a job: its lease goes on (edge 2 without a message).
    package mutating func adopt(_ job: JobID, attempt: Int, by worker: WorkerID, deadline: Int64, now: Int64) -> Bool {
        guard case .pending = states[job] else { return false }
        hand(job, to: worker, attempt: attempt, deadline, now)
        return true
    }

    /// Edge 9 for what a silent worker holds. Returns the job that it worked at, if that is handed on.
    ///
    /// - Parameter most: how often a job of a queue may be handed on: the number of workers for it.
    package mutating func handOn(from worker: WorkerID, most: (Queue) -> Int) -> JobID? {
        let running = running(at: worker)
        var limits: [Queue: Int] = [:]
        for job in slots.leases(of: worker).sorted().reversed() {
            let queue = Queue(job)
            let limit = limits[queue] ?? max(1, most(queue))
            limits[queue] = limit
            guard case .leased(let lease) = states[job], handings[job]?.count ?? 0 < limit else { continue }
            handings[job, default: Handings()].count += 1
            handings[job]?.attempts[worker] = lease.attempt
            silent[worker, default: []].insert(job)
            slots.end(job, of: worker)
            enterPending(job)
        }
        return running.flatMap { silent[worker]?.contains($0) == true ? $0 : nil }
    }

    /// Edge 9 backwards: a worker that is heard again keeps its jobs, except those that others have by now, which are
    /// returned: it may still work at them. Told of each message, of whomever it is.
    package mutating func takeBack(by worker: WorkerID, deadline: Int64, now: Int64) -> [(job: JobID, attempt: Int)] {
        var gone: [(job: JobID, attempt: Int)] = []
        for (job, attempt) in endSilence(of: worker) {
            guard case .pending = states[job] else {
                gone.append((job, attempt))
                continue
            }
            handings[job]?.count -= 1
            hand(job, to: worker, attempt: attempt, deadline, now)
        }
        return gone
    }

    /// A worker says by itself what it still has, or is gone. Returns what was handed on from it, in order.
    @discardableResult
    package mutating func endSilence(of worker: WorkerID) -> [(job: JobID, attempt: Int)] {
        guard let jobs = silent.removeValue(forKey: worker) else { return [] }
        return jobs.sorted().compactMap { job in
            handings[job]?.attempts.removeValue(forKey: worker).map { (job, $0) }
        }
    }

    /// Edge 5 for leases of which a worker that says that it does nothing has never heard, or whose results were lost on
    /// their way: it was given them before `limit`, and has not renewed them since. Others try first. No failure of
    /// anybody's, and no more often than a job is tried: who takes jobs and does nothing is found by the end of its lease.
    package mutating func putBackLost(by worker: WorkerID, before limit: Int64) -> [JobID] {
        let jobs = slots.leases(of: worker).sorted().filter { job in
            guard case .leased(let lease) = states[job] else { return false }
            return lease.renewed < limit && (handings[job]?.lostOnTheirWay ?? 0) < retriesAllowed
        }
        for job in jobs.reversed() {
            handings[job, default: Handings()].lostOnTheirWay += 1
            avoid(job, worker)
            slots.end(job, of: worker)
            putBack(job)
        }
        return jobs
    }

    /// Edge 3. False when the worker does not hold this lease (any more): it should stop.
    package mutating func renew(
        _ job: JobID, attempt: Int, by worker: WorkerID, tokens: Int, deadline: Int64, now: Int64
    ) -> Bool {
        guard case .leased(var lease) = states[job], lease.worker == worker, lease.attempt == attempt else {
            return false
        }
        lease.deadline = max(lease.deadline, deadline)
        lease.tokens = tokens
        lease.renewed = max(lease.renewed, now)
        states[job] = .leased(lease)
        return true
    }

    /// Edges 4 and 7: a result came from `worker`. Also tells whose lease on the job is void now.
    package mutating func complete(_ job: JobID, by worker: WorkerID) -> (Admission, cancelled: (WorkerID, Int)?) {
        var cancelled: (WorkerID, Int)?
        switch states[job] {
        case nil:
            staleTotal[job.kind, default: 0] += 1
            return (.stale, nil)
        case .arrived, .completed, .failed:
            duplicates[job.kind, default: 0] += 1
            return (.duplicate, nil)
        case .pending: leavePending(job)
        case .leased(let lease):
            slots.end(job, of: lease.worker)
            cancelled = (lease.worker, lease.attempt)
        }
        states[job] = .arrived(worker)
        completedTotal[job.kind, default: 0] += 1
        slots.arrive(from: worker)
        arrivedOfStep[job.step, default: 0] += 1
        return (.accepted, cancelled)
    }

    /// Edge 8.
    package mutating func becomeDurable(_ job: JobID) {
        guard case .arrived(let worker) = states[job] else { return }
        states[job] = .completed
        leaveDisk(worker, job.step)
    }

    private mutating func leaveDisk(_ worker: WorkerID, _ step: Int) {
        slots.reachDisk(from: worker)
        arrivedOfStep[step, default: 1] -= 1
        if arrivedOfStep[step] == 0 { arrivedOfStep[step] = nil }
    }

    /// Edges 5 and 6: the worker says that it failed.
    ///
    /// - Parameter isOneBeside: whether somebody is here who could do it and is not one of these. They try first, and what one
    ///   worker takes for hopeless is so only when none of them is left.
    package mutating func fail(
        _ job: JobID, attempt: Int, by worker: WorkerID, retryable: Bool,
        isOneBeside: (Set<WorkerID>) -> Bool = { _ in false }
    ) -> Failure {
        guard case .leased(let lease) = states[job], lease.worker == worker, lease.attempt == attempt else {
            return .ignored
        }
        slots.end(job, of: worker)
        failures[job, default: 0] += 1
        let isLeft = isOneBeside((avoided[job] ?? []).union([worker]))
        if isLeft { avoided[job, default: []].insert(worker) } else { avoided[job] = nil }
        guard retryable || isLeft, failures[job, default: 0] <= retriesAllowed else {
            states[job] = .failed
            return .exhausted
        }
        putBack(job)
        return .retried(attempt: attempt)
    }

    /// Edge 5: a worker that leaves gives back what it did not begin. No failure.
    package mutating func handBack(_ job: JobID, attempt: Int, by worker: WorkerID) {
        guard case .leased(let lease) = states[job], lease.worker == worker, lease.attempt == attempt else { return }
        slots.end(job, of: worker)
        putBack(job)
    }

    /// Edge 5 for leases whose deadline has passed. Their workers hang, or are gone.
    package mutating func expire(now: Int64) -> [(job: JobID, lease: Lease)] {
        let overdue = slots.overdue(at: now) { [states] job in
            if case .leased(let lease) = states[job] { lease.deadline } else { nil }
        }
        var expired: [(job: JobID, lease: Lease)] = []
        for job in overdue {
            guard case .leased(let lease) = states[job] else { continue }
            expired.append((job, lease))
            slots.end(job, of: lease.worker)
        }
        for (job, _) in expired.reversed() {
            expirations[job.kind, default: 0] += 1
            putBack(job)
        }
        return expired
    }

    /// All deadlines move by as much.
    package mutating func shift(by gap: Int64) {
        for job in slots.allLeased {
            guard case .leased(var lease) = states[job] else { continue }
            lease.deadline += gap
            lease.renewed += gap
            states[job] = .leased(lease)
        }
        slots.shift(by: gap)
    }

    /// The job that a worker works at: it takes its leases in the order in which they were given, and one at a time.
    package func running(at worker: WorkerID) -> JobID? {
        slots.leases(of: worker).min { number(of: $0) < number(of: $1) }
    }

    private func number(of job: JobID) -> UInt64 {
        if case .leased(let lease) = states[job] { lease.number } else { .max }
    }

    /// Edge 5 for all leases of a worker that left or was lost.
    package mutating func release(_ worker: WorkerID) -> [JobID] {
        endSilence(of: worker)
        let jobs = slots.leases(of: worker).sorted()
        for job in jobs.reversed() {
            slots.end(job, of: worker)
            putBack(job)
        }
        return jobs
    }

    /// Others try first, as long as there are any.
    package mutating func avoid(_ job: JobID, _ worker: WorkerID) {
        if states[job] != nil { avoided[job, default: []].insert(worker) }
    }

    /// A worker was lost, or its lease ran out, while it had the job. Returns whom the job may have taken with it so far.
    package mutating func blame(_ job: JobID, for worker: WorkerID) -> [WorkerID] {
        guard isOpen(job) else { return [] }
        victims[job, default: []].append(worker)
        return victims[job] ?? []
    }

    /// A worker's end was seen while it worked at the job. Returns of whom that was seen so far.
    package mutating func noteDeath(of worker: WorkerID, holding job: JobID) -> [WorkerID] {
        guard isOpen(job) else { return [] }
        deaths[job, default: []].append(worker)
        return deaths[job] ?? []
    }

    /// What somebody has done is no poison.
    private func isOpen(_ job: JobID) -> Bool {
        switch states[job] {
        case .pending, .leased: true
        case .arrived, .completed, .failed, nil: false
        }
    }

    /// Those went for a reason of their own.
    package mutating func forgive(_ workers: Set<WorkerID>) {
        for job in victims.keys { victims[job]?.removeAll(where: workers.contains) }
    }

    /// A worker that is gone fails at nothing any more.
    package mutating func release(avoiding worker: WorkerID) {
        for job in avoided.keys { avoided[job]?.remove(worker) }
    }

    /// At the front: the step waits for it.
    private mutating func putBack(_ job: JobID) {
        retries[job.kind, default: 0] += 1
        enterPending(job)
    }

    private mutating func enterPending(_ job: JobID) {
        states[job] = .pending
        pending[Queue(job), default: []].prepend(job)
        pendingCounts[Queue(job), default: 0] += 1
        retryingCounts[job.kind, default: 0] += 1
    }

    private mutating func leavePending(_ job: JobID) {
        pendingCounts[Queue(job), default: 1] -= 1
        if attempts[job] != nil { retryingCounts[job.kind, default: 1] -= 1 }
    }

    /// Forgets the jobs of a step that is committed; what arrives later for them is stale. A lease on one, of a worker
    /// that was slower than another, ends with it.
    package mutating func forget(_ jobs: [JobID]) {
        for job in jobs {
            switch states.removeValue(forKey: job) {
            case .leased(let lease): slots.end(job, of: lease.worker)
            case .pending: leavePending(job)
            case .arrived(let worker): leaveDisk(worker, job.step)
            case .completed, .failed, nil: break
            }
            attempts[job] = nil
            // Most runs have none of these.
            if !handings.isEmpty { handings[job] = nil }
            if !failures.isEmpty { failures[job] = nil }
            if !avoided.isEmpty { avoided[job] = nil }
            if !victims.isEmpty { victims[job] = nil }
            if !deaths.isEmpty { deaths[job] = nil }
        }
    }
}
