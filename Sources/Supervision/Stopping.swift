/// The order in which the processes of a run are stopped: workers first, so that their results still find the coordinator;
/// then the learner, which writes its checkpoint; the coordinator closes the journal last.
///
///     GRACE --(1) it is over--> SIGTERM, PATIENCE --(2) it is over--> SIGKILL, KILLED
///     KILLED --(3) it is over--> who is left is abandoned: a process that waits for a dead disk does not end by SIGKILL
///     any --(4) nobody of the group is left--> GRACE of the next group, or over
struct Stopping: Sendable {
    enum Group: Int, Sendable {
        case workers, learner, coordinator

        func contains(_ slot: Slot) -> Bool {
            switch slot {
            case .worker: self == .workers
            case .learner: self == .learner
            case .coordinator: self == .coordinator
            }
        }
    }

    enum Step: Sendable { case wait, again, terminate, kill, abandon, over }

    private enum Phase: Sendable {
        case grace(until: Duration)
        case patience(until: Duration)
        case killed(until: Duration)
    }

    private static let patience: Duration = .seconds(20)
    /// After SIGKILL.
    private static let lastPatience: Duration = .seconds(5)

    private(set) var group = Group.workers
    private let grace: Duration
    private var phase: Phase

    init(grace: Duration, at now: Duration) {
        self.grace = grace
        phase = .grace(until: now + grace)
    }

    /// - Parameter isEmpty: nobody of the group is left.
    mutating func next(isEmpty: Bool, at now: Duration) -> Step {
        if isEmpty {
            guard let next = Group(rawValue: group.rawValue + 1) else { return .over }
            group = next
            phase = .grace(until: now + grace)
            return .again
        }
        switch phase {
        case .grace(let until) where now >= until:
            phase = .patience(until: now + Self.patience)
            return .terminate
        case .patience(let until) where now >= until:
            phase = .killed(until: now + Self.lastPatience)
            return .kill
        case .killed(let until) where now >= until: return .abandon
        case .grace, .patience, .killed: return .wait
        }
    }
}
