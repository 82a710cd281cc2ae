/// Who was lost recently. A job that takes worker after worker with it is poison. When most workers go at once, the
/// coordinator's own network is the likely cause, and no job is blamed.
package struct Casualties: Sendable {
    /// A job that so many different processes did not survive, or hung at, is named and ends the run.
    package static let poison = 3
    /// Fewer than these are no crowd.
    private static let crowd = 3

    private var lost: [(worker: WorkerID, time: Int64)] = []
    private var isCrowd = false

    /// A worker was lost.
    ///
    /// - Parameters:
    ///   - here: how many are left.
    ///   - window: milliseconds in which losses belong together.
    /// - Returns: all who were lost together with it, when they are more than half; and whether that is news.
    mutating func lose(_ worker: WorkerID, here: Int, window: Int64, at time: Int64) -> (
        together: Set<WorkerID>, isNew: Bool
    )? {
        lost = lost.filter { time - $0.time <= window } + [(worker, time)]
        let names = Set(lost.map(\.worker.name))
        guard names.count >= Self.crowd, names.count > here else {
            isCrowd = false
            return nil
        }
        defer { isCrowd = true }
        return (Set(lost.map(\.worker)), !isCrowd)
    }
}
