import ClusterModel
import Console
import Foundation

/// Workers that somebody started by hand, as the terminal tells of them: each once when it joins and once when it goes.
struct Announcements {
    private var present: [String: ClusterSnapshot.Worker] = [:]

    /// - Parameter own: processes that the supervisor started.
    mutating func news(_ snapshot: ClusterSnapshot, own: Set<Int32>) -> [String] {
        var news: [String] = []
        for worker in snapshot.workerList where !own.contains(Int32(clamping: worker.pid)) {
            let isGone = worker.state == "gone"
            switch (present[worker.id] != nil, isGone) {
            case (false, false):
                present[worker.id] = worker
                news.append("joined: \(worker.role) \(worker.name) (process \(worker.pid) on \(worker.host))")
            case (true, true):
                present[worker.id] = nil
                news.append("left: \(worker.role) \(worker.name) after \(worker.jobsDone) jobs")
            default: break
            }
        }
        return news
    }
}
