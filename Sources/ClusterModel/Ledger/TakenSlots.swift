import HeapModule

/// Which slots of which worker are taken, and by what: its leases, and its results that are not on disk yet.
///
/// Every question costs as much as its answer is long, however many workers and leases there are.
struct TakenSlots: Sendable {
    private struct Deadline: Sendable, Comparable {
        var time: Int64
        var job: JobID

        static func < (a: Deadline, b: Deadline) -> Bool { (a.time, a.job) < (b.time, b.job) }
    }

    private var leases: [WorkerID: Set<JobID>] = [:]
    private var arrived: [WorkerID: Int] = [:]
    private var leasedOfKind: [JobKind: Int] = [:]
    private var leasedCount = 0
    /// One for each lease, as it was when it was given or last looked at, and those of leases that are over.
    private var deadlines = Heap<Deadline>()
    /// Workers of which something here has changed.
    private var changed: Set<WorkerID> = []

    // MARK: - Questions

    func leases(of worker: WorkerID) -> Set<JobID> { leases[worker] ?? [] }
    func leasedCount(_ kind: JobKind) -> Int { leasedOfKind[kind] ?? 0 }
    func taken(by worker: WorkerID) -> Int { (leases[worker]?.count ?? 0) + (arrived[worker] ?? 0) }
    var allLeased: [JobID] { leases.values.flatMap { $0 } }

    // MARK: - Changes

    mutating func lease(_ job: JobID, to worker: WorkerID, deadline: Int64) {
        guard leases[worker, default: []].insert(job).inserted else { return }
        leasedOfKind[job.kind, default: 0] += 1
        leasedCount += 1
        changed.insert(worker)
        deadlines.insert(Deadline(time: deadline, job: job))
        // Leases end long before their deadlines, as a rule.
        guard deadlines.count > 2 * leasedCount + 1024 else { return }
        // One for each, the earliest.
        let current = Set(allLeased)
        let earliest = deadlines.unordered.reduce(into: [JobID: Int64]()) { earliest, deadline in
            guard current.contains(deadline.job) else { return }
            earliest[deadline.job] = min(earliest[deadline.job] ?? .max, deadline.time)
        }
        deadlines = Heap(earliest.map { Deadline(time: $0.value, job: $0.key) })
    }

    mutating func end(_ job: JobID, of worker: WorkerID) {
        guard leases[worker]?.remove(job) != nil else { return }
        if leases[worker]?.isEmpty == true { leases[worker] = nil }
        leasedOfKind[job.kind, default: 1] -= 1
        leasedCount -= 1
        changed.insert(worker)
    }

    mutating func arrive(from worker: WorkerID) {
        arrived[worker, default: 0] += 1
        changed.insert(worker)
    }

    mutating func reachDisk(from worker: WorkerID) {
        arrived[worker, default: 1] -= 1
        if arrived[worker] == 0 { arrived[worker] = nil }
        changed.insert(worker)
    }

    /// Jobs whose deadline may have passed: `deadline` says when it really does; nil for a lease that is over.
    mutating func overdue(at now: Int64, deadline: (JobID) -> Int64?) -> [JobID] {
        var overdue: [JobID] = []
        var renewed: [JobID: Int64] = [:]
        while let first = deadlines.min, first.time < now {
            deadlines.removeMin()
            guard let time = deadline(first.job) else { continue }
            if time < now {
                overdue.append(first.job)
            } else {
                renewed[first.job] = time
            }
        }
        for (job, time) in renewed { deadlines.insert(Deadline(time: time, job: job)) }
        // A job that was leased again has an entry for either lease.
        return overdue.isEmpty ? [] : Set(overdue).sorted()
    }

    /// All deadlines move by as much.
    mutating func shift(by gap: Int64) {
        deadlines = Heap(deadlines.unordered.map { Deadline(time: $0.time + gap, job: $0.job) })
    }

    /// Workers of which something has changed since this was last asked.
    mutating func takeChanged() -> Set<WorkerID> {
        defer { changed.removeAll(keepingCapacity: true) }
        return changed
    }
}
