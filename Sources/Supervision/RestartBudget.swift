/// Decides whether a process that ended by itself is started again. The same rule for every process of a run.
///
///     ended --(1) the run has made a step since the last end: everything before is forgotten
///           --(2) few enough ends in the window: started again, after a pause that doubles
///           --(3) it failed in the same way three times and nothing was finished meanwhile: given up
///           --(4) more than the allowed ends in the window: given up
package struct RestartBudget: Sendable {
    package enum Verdict: Sendable, Equatable {
        case again(after: Duration)
        /// What happened, for the message of the run: "ended 3 times in the same way".
        case giveUp(String)
    }

    private static let allowed = 5
    private static let window: Duration = .seconds(600)
    /// Ends in the same way without a step that give a process up, as a rule.
    package static let sameAllowed = 3
    private static let firstPause: Duration = .milliseconds(200)

    private let sameAllowed: Int
    private var ends: [Duration] = []
    private var last = ""
    private var same = 0
    private var progress = 0

    package init(sameAllowed: Int = RestartBudget.sameAllowed) { self.sameAllowed = sameAllowed }

    /// - Parameters:
    ///   - reason: the last words of a process that failed by itself; nil for one that was killed, which says nothing about it.
    ///   - progress: steps that the run has made, and jobs that it has given up.
    ///   - now: since any fixed moment.
    package mutating func ended(reason: String?, progress: Int, at now: Duration) -> Verdict {
        if progress > self.progress {
            self = RestartBudget(sameAllowed: sameAllowed)
            self.progress = progress
        }
        // Numbers of processes and steps change from one end to the next.
        let kind = reason.map { String($0.map { $0.isNumber ? "0" : $0 }) }
        same = kind != nil && kind == last ? same + 1 : 1
        last = kind ?? ""
        ends = ends.filter { now - $0 < Self.window } + [now]
        if kind != nil, same >= sameAllowed { return .giveUp("ended \(same) times in the same way") }
        guard ends.count <= Self.allowed else {
            return .giveUp("ended \(ends.count) times within 10 minutes, and no step was made meanwhile")
        }
        return .again(after: Self.firstPause * (1 << (ends.count - 1)))
    }
}
