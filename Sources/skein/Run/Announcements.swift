import ClusterModel
import Console
import Foundation
import Reports

/// What the terminal tells of beside the progress of steps: workers that somebody started by hand, each once when it joins
/// and once when it goes; a pause; alarms.
struct Announcements {
    /// Steps and milliseconds after which an alarm that goes on is said again.
    private static let stepsBetween = 10
    private static let timeBetween: Int64 = 60_000

    private var present: [String: ClusterSnapshot.Worker] = [:]
    /// By code: the step and the moment of the alarm that was said last.
    private var alarms: [String: (step: Int, time: Int64)] = [:]
    /// Whom the run waits for, as it was said.
    private var waited: Set<String> = []
    private var isPaused = false

    /// - Parameters:
    ///   - own: processes that the supervisor started, of whose ends and silence it tells itself.
    ///   - directory: of the run, for the command that goes on with it.
    mutating func news(_ snapshot: ClusterSnapshot, own: Set<Int32>, directory: String) -> [String] {
        var news: [String] = []
        if !isPaused, snapshot.state == .paused {
            isPaused = true
            // Also at the start of a run that was stopped while it was paused.
            news.append("PAUSED: nothing is done until: \(Invocation.skein) resume --run \(directory)")
        } else if isPaused, snapshot.state == .running {
            isPaused = false
            news.append("the run goes on")
        }
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
        return waits(snapshot) + news + alarms(snapshot)
    }

    /// A worker of the user's own is asked for at once; one that the supervisor starts again by itself gets its time.
    private mutating func waits(_ snapshot: ClusterSnapshot) -> [String] {
        // A pause is told by itself.
        let missing = snapshot.state == .paused ? [] : snapshot.waits.filter { $0.remedy != nil }
        waited.formIntersection(missing.map(\.what))
        return missing.compactMap { wait in
            let isSupervised =
                wait.role.map { $0 == "learner" || (snapshot.workers[$0]?.desired ?? 0) > 0 } ?? false
            guard snapshot.nowMs - wait.sinceMs >= (isSupervised ? 30_000 : 1_000),
                waited.insert(wait.what).inserted
            else { return nil }
            return "waiting for \(wait.what): \(wait.remedy ?? "")"
        }
    }

    private mutating func alarms(_ snapshot: ClusterSnapshot) -> [String] {
        snapshot.alarms.compactMap { alarm in
            guard !alarm.isPast else {
                return alarms.removeValue(forKey: alarm.code).map { _ in
                    "alarm \(alarm.code) is past: it was raised last in step \(alarm.step)"
                }
            }
            if let last = alarms[alarm.code],
                snapshot.learner.step < last.step + Self.stepsBetween || alarm.sinceMs - last.time < Self.timeBetween
            {
                return nil
            }
            alarms[alarm.code] = (snapshot.learner.step, alarm.sinceMs)
            let often = alarm.times > 1 ? " (\(alarm.times) times)" : ""
            return "alarm \(alarm.code)\(often): \(RunAlarm.sentence(alarm.code, alarm.detail))"
        }
    }
}
