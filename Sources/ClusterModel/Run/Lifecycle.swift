/// The life of a run.
///
///     STARTING --(1) version 0 can be pulled--> RUNNING <--(2) pause, resume--> PAUSED
///     RUNNING --(3) the last step is durable--> DONE: workers are told to stop, the learner finishes its export and leaves
///     any --(4) it cannot go on--> FAILED
///     any --(5) stop asked for--> DRAINING: ends with "try again"
///     DONE --(6) the learner has exported the policy--> leaving;  FAILED, DRAINING are leaving
///     leaving --(7) all have left, or the deadline is past--> over
///
/// The export has no deadline: it takes as long as the model is large, and the last held-out measurement comes before it. A
/// learner that dies meanwhile is waited for as in the run before.
struct Lifecycle: Sendable {
    /// Milliseconds that everyone has to leave.
    private static let leaving: Int64 = 5_000

    private(set) var state = ClusterSnapshot.RunState.starting
    /// Why the run ends; nil: with its last step.
    private(set) var ending: RunEnding?
    private(set) var isOver = false
    /// nil while it is not paused.
    private(set) var pausedSince: Int64?
    private var deadline: Int64?

    /// True from edge 3, 4 or 5 on.
    var isEnding: Bool {
        switch state {
        case .starting, .running, .paused: false
        case .done, .failed, .draining: true
        }
    }

    /// Everyone has been told to go, the learner too.
    var isLeaving: Bool { deadline != nil }

    /// Edge 1.
    mutating func begin(paused: Bool, at time: Int64) {
        guard state == .starting else { return }
        state = paused ? .paused : .running
        pausedSince = paused ? time : nil
    }

    /// Edge 2. False where it means nothing.
    mutating func pause(_ paused: Bool, at time: Int64) -> Bool {
        guard !isEnding, state == .running || state == .paused else { return false }
        state = paused ? .paused : .running
        pausedSince = paused ? pausedSince ?? time : nil
        return true
    }

    /// Edge 3.
    mutating func finish() -> Bool {
        guard !isEnding else { return false }
        state = .done
        return true
    }

    /// Edge 6.
    mutating func exported(at time: Int64) {
        if state == .done, !isLeaving { deadline = time + Self.leaving }
    }

    /// Edge 4. The first cause counts.
    mutating func fail(_ ending: RunEnding, at time: Int64) -> Bool {
        guard !isEnding || (state == .done && !isLeaving) else { return false }
        state = .failed
        self.ending = ending
        deadline = time + Self.leaving
        return true
    }

    /// Edge 5.
    mutating func stop(_ ending: RunEnding, at time: Int64) -> Bool {
        guard !isEnding else { return false }
        state = .draining
        self.ending = ending
        deadline = time + Self.leaving
        return true
    }

    mutating func shift(by gap: Int64) { deadline = deadline.map { $0 + gap } }

    /// Edge 7. True when the run is over now.
    mutating func passTime(_ time: Int64, isEmpty: Bool) -> Bool {
        guard let deadline, !isOver, isEmpty || time > deadline else { return false }
        isOver = true
        return true
    }
}
