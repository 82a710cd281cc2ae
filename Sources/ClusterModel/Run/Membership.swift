/// Who is here, and what each may do.
///
///     (1) HELLO -> JOINING --(2) first credit, or the learner's first report--> READY
///     READY --(3) drain--> DRAINING --(4) BYE--> GONE
///     any but DRAINING --(5) silent for half a lease--> SUSPECT --(6) heard--> back
///     any --(7) silent for two leases, another process has joined under its name, or its end was seen--> GONE (lost)
///     GONE --(8) a minute later--> forgotten
///
/// That a worker is busy follows from its leases, which stand in ``JobLedger``.
struct Membership: Sendable {
    struct Member: Sendable {
        enum State: String, Sendable { case joining, ready, draining, suspect, gone }

        var hello: Hello
        /// Number of the HELLO that counts; 0: of a worker that does not number them.
        var greeting: UInt64
        /// Jobs that it takes at a time.
        var slots = 0
        fileprivate(set) var state = State.joining
        /// Its last lease ran out, and it has not worked since: it may pulse and hang, so it gets no other job.
        fileprivate(set) var isStalled = false
        /// When it failed at a job: it gets the next one when it says that it is idle, or after a while.
        fileprivate(set) var restsSince: Int64?
        var lastSeen: Int64
        var joined: Int64
        /// When it last said HELLO.
        var greeted: Int64
        /// When it became GONE.
        var left: Int64?
        var report: WorkerReport?
        var loaded: [ArtifactKind: PolicyVersion] = [:]
        var jobsDone = 0
        /// When its report last said something else; a learner that hangs goes on saying the same.
        fileprivate(set) var changed: Int64

        var role: Role { hello.role }
        var isHere: Bool { state != .gone }
        var mayWork: Bool { state == .ready && !isStalled && restsSince == nil }
        /// Somebody who can be expected to work, if not at this moment.
        ///
        /// - Parameter grace: milliseconds for a worker that has not asked for jobs yet.
        func isPromising(at time: Int64, grace: Int64) -> Bool {
            switch state {
            case .ready, .suspect: !isStalled
            case .joining: time - greeted <= grace
            case .draining, .gone: false
            }
        }
    }

    /// Milliseconds for which the status shows a worker that is gone.
    private static let goneShown: Int64 = 60_000
    private static let goneKept = 20
    /// Milliseconds without a job behind one at which a worker failed.
    private static let rest: Int64 = 2_000
    /// Processes that another one of their name has replaced; they are refused when they come back.
    private static let replacedRemembered = 1000

    private var members: [WorkerID: Member] = [:]
    private var replaced: [WorkerID] = []
    private(set) var lostTotal: [Role: Int] = [:]

    // MARK: - Questions

    subscript(_ id: WorkerID) -> Member? {
        get { members[id] }
        set { if members[id] != nil, let newValue { members[id] = newValue } }
    }

    /// In the order of their names.
    var all: [(id: WorkerID, member: Member)] { members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    var here: [(id: WorkerID, member: Member)] { all.filter(\.member.isHere) }
    var isEmpty: Bool { !members.values.contains(where: \.isHere) }
    func isHere(_ id: WorkerID) -> Bool { members[id]?.isHere ?? false }
    func contains(where test: (Member) -> Bool) -> Bool { members.values.contains { $0.isHere && test($0) } }
    func isReplaced(_ id: WorkerID) -> Bool { replaced.contains(id) }
    /// A HELLO that was said before the one that counts, and comes behind it.
    func isLate(_ id: WorkerID, greeting: UInt64) -> Bool {
        guard greeting > 0, let member = members[id], member.isHere else { return false }
        return greeting <= member.greeting
    }

    /// Those that may be given jobs and pass `test`, in no order.
    func workers(where test: (Member) -> Bool) -> [(id: WorkerID, slots: Int)] {
        members.compactMap { id, member in member.mayWork && test(member) ? (id, member.slots) : nil }
    }

    /// Those here that are called by this name, with or without the incarnation.
    func named(_ name: String) -> [WorkerID] {
        here.filter { $0.member.hello.name == name || $0.id.routingID == name }.map(\.id)
    }

    // MARK: - Edges

    /// Edge 1. Returns who was here under the same name, or as the run's one learner: the old process is gone, whatever its
    /// leases say.
    mutating func join(_ hello: Hello, greeting: UInt64, at time: Int64) -> [WorkerID] {
        let id = hello.id
        let old = here.filter {
            $0.id != id && ($0.id.name == id.name || ($0.member.role == .learner && hello.role == .learner))
        }.map(\.id)
        // Later HELLOs of a worker that never asks for jobs do not make it any more promising.
        let greeted = members[id].flatMap { $0.state == .joining ? $0.greeted : nil } ?? time
        var member = Member(
            hello: hello, greeting: greeting, lastSeen: time, joined: members[id]?.joined ?? time, greeted: greeted,
            changed: time)
        member.jobsDone = members[id]?.jobsDone ?? 0
        if members[id]?.state == .draining { member.state = .draining }
        members[id] = member
        replaced = (replaced + old).suffix(Self.replacedRemembered)
        return old
    }

    /// Edge 2.
    mutating func grant(slots: Int, to id: WorkerID) {
        members[id]?.slots = max(0, slots)
        becomeReady(id)
    }

    mutating func report(_ report: WorkerReport, from id: WorkerID, at time: Int64) {
        if let last = members[id]?.report, last.state != report.state || last.fraction != report.fraction {
            members[id]?.changed = time
        }
        members[id]?.report = report
        if report.state == WorkerReport.idle { proveAlive(id) }
        // A learner asks for no jobs, so nothing else would say that it is ready.
        if members[id]?.role == .learner { becomeReady(id) }
    }

    private mutating func becomeReady(_ id: WorkerID) {
        if members[id]?.state == .joining { members[id]?.state = .ready }
    }

    /// Edge 3.
    mutating func drain(_ id: WorkerID) {
        if isHere(id) { members[id]?.state = .draining }
    }

    mutating func stall(_ id: WorkerID) { members[id]?.isStalled = true }
    mutating func rest(_ id: WorkerID, at time: Int64) { members[id]?.restsSince = time }

    /// It renews a lease, or sends a result.
    mutating func proveAlive(_ id: WorkerID) {
        members[id]?.isStalled = false
        members[id]?.restsSince = nil
    }

    /// Edge 6.
    mutating func heard(_ id: WorkerID, at time: Int64) {
        members[id]?.lastSeen = time
        guard let member = members[id], member.state == .suspect else { return }
        members[id]?.state = member.slots > 0 || member.role == .learner ? .ready : .joining
    }

    /// Edges 4 and 7. False when it was gone already.
    mutating func leave(_ id: WorkerID, lost: Bool, at time: Int64) -> Bool {
        guard let member = members[id], member.isHere else { return false }
        members[id]?.state = .gone
        members[id]?.left = time
        if lost { lostTotal[member.role, default: 0] += 1 }
        let gone = members.filter { !$0.value.isHere }.sorted {
            ($0.value.lastSeen, $0.key) < ($1.value.lastSeen, $1.key)
        }
        for (old, _) in gone.dropLast(Self.goneKept) { members[old] = nil }
        return true
    }

    /// Nobody was heard for so long because nobody listened.
    mutating func shift(by gap: Int64) {
        for id in members.keys {
            members[id]?.lastSeen += gap
            members[id]?.changed += gap
        }
    }

    /// Edges 5, 7 and 8. Returns who has been silent for two leases, and for how long.
    mutating func passTime(_ time: Int64, lease: Int64) -> [(id: WorkerID, silent: Int64)] {
        var lost: [(id: WorkerID, silent: Int64)] = []
        for (id, member) in members {
            if let left = member.left {
                if time - left >= Self.goneShown { members[id] = nil }
                continue
            }
            if let since = member.restsSince, time - since > Self.rest { members[id]?.restsSince = nil }
            let silent = time - member.lastSeen
            if silent > 2 * lease {
                lost.append((id, silent))
            } else if silent > lease / 2, member.state != .draining {
                members[id]?.state = .suspect
            }
        }
        return lost.sorted { $0.id < $1.id }
    }
}
