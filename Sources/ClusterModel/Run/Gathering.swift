/// The start of a run, or of a coordinator that goes on with one: who is needed has a time of its own to come.
///
///     GATHERING --(1) as many workers are here as it begins with--> ENOUGH: jobs are given out
///     ENOUGH --(2) nobody is missing who keeps jobs waiting--> over: from here on the grace counts
///
/// A run that has made steps begins with whoever is here: a worker that died must not keep it from going on.
struct Gathering: Sendable {
    /// How many it begins with.
    let workers: Int
    /// Milliseconds for whoever is missing at the start.
    let patience: Int64
    /// Edge 1.
    private(set) var hasEnough: Bool
    /// Edge 2.
    private(set) var isOver = false

    /// - Parameter committed: steps that were made before.
    init(_ settings: RunSettings, committed: Int) {
        workers = committed == 0 ? settings.startWorkers : 0
        patience = Int64(settings.startMilliseconds ?? settings.graceMilliseconds)
        hasEnough = workers == 0
    }

    /// - Parameters:
    ///   - present: workers that can be expected to work.
    ///   - isComplete: nobody is missing who keeps jobs waiting.
    mutating func passTime(present: Int, isComplete: Bool) {
        if present >= workers { hasEnough = true }
        if hasEnough, isComplete { isOver = true }
    }
}
