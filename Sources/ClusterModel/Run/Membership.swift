import DequeModule

/// Who is here, and what each may do.
///
///     (1) HELLO -> JOINING --(2) first credit, or the learner's first report--> READY
///     READY --(3) drain--> DRAINING --(4) BYE--> GONE
///     any but DRAINING --(5) silent for three seconds, or half a lease--> SUSPECT --(6) heard--> back
///     any --(7) silent for two leases, another process has joined under its name, or its end was seen--> GONE (lost)
///     GONE --(8) a minute later, or another process of its name is GONE--> forgotten
///
/// That a worker is busy follows from its leases, which stand in ``JobLedger``.
struct Membership: Sendable {
    struct Member: Sendable {
        enum State: String, Sendable { case joining, ready, draining, suspect, gone }

        var hello: Hello
        /// Number of the HELLO that counts; 0: of a worker that does not number them.
        var greeting: UInt64
        /// Jobs that it takes at a time.
        fileprivate(set) var slots = 0
        fileprivate(set) var state = State.joining
        /// Its last lease ran out, and it has not worked since: it may pulse and hang, so it gets no other job.
        fileprivate(set) var isStalled = false
        /// When it failed at a job: it gets the next one when it says that it is idle, or after a while.
        fileprivate(set) var restsSince: Int64?
        fileprivate(set) var lastSeen: Int64
        var joined: Int64
        /// When it last said HELLO.
        var greeted: Int64
        /// When it became GONE.
        fileprivate(set) var left: Int64?
        fileprivate(set) var report: WorkerReport?
        /// What it worked at when it became SUSPECT and its jobs were handed on.
        fileprivate(set) var leftBehind: JobID?
        fileprivate(set) var loaded: [ArtifactKind: PolicyVersion] = [:]
        fileprivate(set) var jobsDone = 0
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

    private let lease: Int64
    private var doubt: Int64 { RunSettings.doubt(leaseMilliseconds: lease) }
    private var members: [WorkerID: Member] = [:]
    /// All of them, in the order of their names.
    private var order: [WorkerID] = []
    /// Those here.
    private var byName: [String: Set<WorkerID>] = [:]
    private var learners: Set<WorkerID> = []
    private var hereCount = 0
    /// In the order in which they left.
    private var gone: Deque<WorkerID> = []
    private var replaced: [WorkerID] = []
    private(set) var lostTotal: [Role: Int] = [:]
    /// Of whom it has changed whether, or at how much, they may work.
    private var changed: Set<WorkerID> = []
    /// Before it nobody becomes suspect, is lost, has rested or is forgotten.
    private var nextLook: Int64 = 0

    /// - Parameter lease: milliseconds.
    init(lease: Int64) { self.lease = lease }

    // MARK: - Questions

    subscript(_ id: WorkerID) -> Member? { members[id] }

    /// In the order of their names.
    var all: [(id: WorkerID, member: Member)] { order.compactMap { id in members[id].map { (id, $0) } } }
    var here: [(id: WorkerID, member: Member)] { all.filter(\.member.isHere) }
    var isEmpty: Bool { hereCount == 0 }
    /// How many are here that work for the learner.
    var workersHere: Int { hereCount - learners.count }
    /// The one that is here.
    var learner: Member? { learners.min().flatMap { members[$0] } }
    func isHere(_ id: WorkerID) -> Bool { members[id]?.isHere ?? false }
    func contains(where test: (Member) -> Bool) -> Bool { members.values.contains { $0.isHere && test($0) } }
    func count(where test: (Member) -> Bool) -> Int { members.values.count { $0.isHere && test($0) } }
    func isReplaced(_ id: WorkerID) -> Bool { replaced.contains(id) }
    /// A HELLO that was said before the one that counts, and comes behind it.
    func isLate(_ id: WorkerID, greeting: UInt64) -> Bool {
        guard greeting > 0, let member = members[id], member.isHere else { return false }
        return greeting <= member.greeting
    }

    /// Others that are here under the same name, or as the run's one learner, in the order of their names.
    func rivals(of hello: Hello) -> [WorkerID] {
        (byName[hello.name] ?? []).union(hello.role == .learner ? learners : []).subtracting([hello.id]).sorted()
    }

    /// True when a worker outside `others` is here and passes `test`.
    func contains(besides others: Set<WorkerID>, where test: (Member) -> Bool) -> Bool {
        members.contains { !others.contains($0.key) && $0.value.isHere && test($0.value) }
    }

    /// Those here that are called by this name, with or without the incarnation.
    func named(_ name: String) -> [WorkerID] {
        if let named = byName[name] { return named.sorted() }
        return WorkerID(routingID: name).map { isHere($0) ? [$0] : [] } ?? []
    }

    /// Those of whom it has changed since this was last asked whether, or at how much, they may work.
    mutating func takeChanged() -> Set<WorkerID> {
        defer { changed.removeAll(keepingCapacity: true) }
        return changed
    }

    // MARK: - Edges

    /// Edge 1. Returns who was here under the same name, or as the run's one learner: the old process is gone, whatever its
    /// leases say.
    ///
    /// - Parameter said: when it said HELLO.
    mutating func join(_ hello: Hello, greeting: UInt64, said: Int64, at time: Int64) -> [WorkerID] {
        let id = hello.id
        let old = rivals(of: hello)
        // Later HELLOs of a worker that never asks for jobs do not make it any more promising.
        let greeted = members[id].flatMap { $0.state == .joining ? $0.greeted : nil } ?? time
        var member = Member(
            hello: hello, greeting: greeting, lastSeen: said, joined: members[id]?.joined ?? time, greeted: greeted,
            changed: time)
        member.jobsDone = members[id]?.jobsDone ?? 0
        if members[id]?.state == .draining { member.state = .draining }
        enter(id, member)
        look(at: said + doubt)
        replaced = (replaced + old).suffix(Self.replacedRemembered)
        return old
    }

    private mutating func enter(_ id: WorkerID, _ member: Member) {
        if let known = members[id] {
            if !known.isHere {
                gone.removeAll { $0 == id }
                hereCount += 1
            }
        } else {
            hereCount += 1
            order.insert(id, at: place(of: id))
        }
        byName[id.name, default: []].insert(id)
        if member.role == .learner { learners.insert(id) } else { learners.remove(id) }
        members[id] = member
        changed.insert(id)
    }

    /// Where `id` stands in ``order``, or would.
    private func place(of id: WorkerID) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Every change of a member's goes through here.
    private mutating func change(_ id: WorkerID, _ body: (inout Member) -> Void) {
        guard let index = members.index(forKey: id) else { return }
        if Self.changes(&members.values[index], body) { changed.insert(id) }
    }

    /// In place: a member is large, and every message changes one. True when it may work otherwise than before.
    private static func changes(_ member: inout Member, _ body: (inout Member) -> Void) -> Bool {
        let (mayWork, slots) = (member.mayWork, member.slots)
        body(&member)
        return member.mayWork != mayWork || member.slots != slots
    }

    /// Something happens at `time` if nobody is heard before.
    private mutating func look(at time: Int64) { nextLook = min(nextLook, time) }

    /// Edge 2.
    mutating func grant(slots: Int, to id: WorkerID) {
        change(id) {
            $0.slots = max(0, slots)
            $0.becomeReady()
        }
    }

    mutating func report(_ report: WorkerReport, from id: WorkerID, at time: Int64) {
        change(id) { member in
            if let last = member.report, last.state != report.state || last.fraction != report.fraction {
                member.changed = time
            }
            member.report = report
            if report.state == WorkerReport.idle { member.proveAlive() }
            // A learner asks for no jobs, so nothing else would say that it is ready.
            if member.role == .learner { member.becomeReady() }
        }
    }

    mutating func load(_ kind: ArtifactKind, _ version: PolicyVersion, by id: WorkerID) {
        change(id) { $0.loaded[kind] = version }
    }

    mutating func finishJob(_ id: WorkerID) { change(id) { $0.jobsDone += 1 } }

    /// Edge 3.
    mutating func drain(_ id: WorkerID) {
        change(id) { if $0.isHere { $0.state = .draining } }
    }

    mutating func stall(_ id: WorkerID) { change(id) { $0.isStalled = true } }

    mutating func rest(_ id: WorkerID, at time: Int64) {
        change(id) { $0.restsSince = time }
        look(at: time + Self.rest)
    }

    /// It renews a lease, or sends a result.
    mutating func proveAlive(_ id: WorkerID) { change(id) { $0.proveAlive() } }

    /// Edge 6.
    mutating func heard(_ id: WorkerID, at time: Int64) {
        var wasSuspect = false
        change(id) { member in
            member.lastSeen = time
            wasSuspect = member.state == .suspect
            member.leftBehind = nil
            guard wasSuspect else { return }
            member.state = member.slots > 0 || member.role == .learner ? .ready : .joining
        }
        if wasSuspect { look(at: time + doubt + 1) }
    }

    /// Edges 4 and 7. False when it was gone already.
    mutating func leave(_ id: WorkerID, lost: Bool, at time: Int64) -> Bool {
        guard let member = members[id], member.isHere else { return false }
        change(id) {
            $0.state = .gone
            $0.left = time
        }
        if lost { lostTotal[member.role, default: 0] += 1 }
        hereCount -= 1
        learners.remove(id)
        byName[id.name]?.remove(id)
        if byName[id.name]?.isEmpty == true { byName[id.name] = nil }
        // One that dies again and again is shown once.
        forgetGone(named: id.name)
        gone.append(id)
        look(at: time + Self.goneShown)
        while gone.count > Self.goneKept { forgetFirstGone() }
        return true
    }

    /// Edge 8.
    private mutating func forgetFirstGone() {
        if let id = gone.popFirst() { forget(id) }
    }

    private mutating func forgetGone(named name: String) {
        for other in gone where other.name == name { forget(other) }
        gone.removeAll { $0.name == name }
    }

    private mutating func forget(_ id: WorkerID) {
        members[id] = nil
        let place = place(of: id)
        if order.indices.contains(place), order[place] == id { order.remove(at: place) }
    }

    /// Nobody was heard for so long because nobody listened.
    mutating func shift(by gap: Int64) {
        for id in order {
            change(id) {
                $0.lastSeen += gap
                $0.changed += gap
            }
        }
        nextLook = 0
    }

    /// The jobs of one that has become SUSPECT are others' now.
    mutating func leaveBehind(_ job: JobID?, by id: WorkerID) { change(id) { $0.leftBehind = job } }

    /// Edges 5, 7 and 8. Returns who has become SUSPECT, who has been silent for two leases, and for how long.
    mutating func passTime(_ time: Int64) -> (suspect: [WorkerID], lost: [(id: WorkerID, silent: Int64)]) {
        guard time >= nextLook else { return ([], []) }
        nextLook = .max
        while let first = gone.first.flatMap({ members[$0]?.left }), time - first >= Self.goneShown {
            forgetFirstGone()
        }
        if let first = gone.first.flatMap({ members[$0]?.left }) { look(at: first + Self.goneShown) }
        var suspect: [WorkerID] = []
        var lost: [(id: WorkerID, silent: Int64)] = []
        for id in order {
            guard let member = members[id], member.isHere else { continue }
            if let since = member.restsSince {
                if time - since > Self.rest {
                    change(id) { $0.restsSince = nil }
                } else {
                    look(at: since + Self.rest + 1)
                }
            }
            let silent = time - member.lastSeen
            if silent > 2 * lease {
                lost.append((id, silent))
                look(at: time)
            } else if silent > doubt {
                if member.state != .suspect, member.leftBehind == nil { suspect.append(id) }
                if member.state != .draining { change(id) { $0.state = .suspect } }
                look(at: member.lastSeen + 2 * lease + 1)
            } else {
                look(at: member.lastSeen + doubt + 1)
            }
        }
        return (suspect, lost)
    }
}

extension Membership.Member {
    fileprivate mutating func becomeReady() { if state == .joining { state = .ready } }

    fileprivate mutating func proveAlive() {
        isStalled = false
        restsSince = nil
    }
}
