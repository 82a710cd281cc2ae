/// Whether the learner goes on, as it and the coordinator see it.
///
///     GOING ON --(1) the coordinator says pause--> PAUSED --(2) it says resume--> GOING ON
///     GOING ON --(3) its own guard asks for a pause--> ASKING --(1)--> PAUSED
///
/// In ASKING it does not go on either, says its wish again until the coordinator agrees, and passes over a "resume" that was
/// said before the coordinator knew.
package struct LearnerPause: Sendable {
    package private(set) var isPaused = false
    /// Why it asks; nil when it does not.
    package private(set) var wish: String?

    package init() {}

    /// Edge 3.
    package mutating func ask(_ reason: String) {
        isPaused = true
        wish = reason
    }

    /// Edges 1 and 2. True when the learner goes on.
    package mutating func said(_ paused: Bool) -> Bool {
        if paused { wish = nil }
        guard wish == nil else { return false }
        isPaused = paused
        return !paused
    }
}
