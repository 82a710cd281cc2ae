import ClusterModel
import Console
import Foundation
import Reports

/// What the terminal tells of beside the progress of steps: workers that somebody started by hand, each once when it joins
/// and once when it goes; answers that were dropped for want of a reward; alarms.
struct Announcements {
    /// Steps after which an alarm that goes on is said again.
    private static let stepsBetween = 10

    private var present: [String: ClusterSnapshot.Worker] = [:]
    /// By code: the step and the moment of the alarm that was said last.
    private var alarms: [String: (step: Int, since: Int64)] = [:]
    /// Whom the run waits for, as it was said.
    private var waited: Set<String> = []
    private var isPaused = false

    /// - Parameters:
    ///   - own: processes that the supervisor started.
    ///   - directory: of the run, for the command that goes on with it.
    mutating func news(_ snapshot: ClusterSnapshot, own: Set<Int32>, directory: String) -> [String] {
        var news: [String] = []
        if isPaused != (snapshot.state == .paused) {
            isPaused.toggle()
            // A run that was stopped while it was paused is paused again.
            news.append(
                isPaused ? "PAUSED: nothing is done until: skein resume --run \(directory)" : "the run goes on")
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
        let missing = snapshot.waits.filter { $0.remedy != nil }
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

    /// - Parameters:
    ///   - figures: a line of `metrics.jsonl`.
    ///   - cause: why answers of a step have no reward, where somebody said so.
    /// - Returns: nil for a step of which no answer was dropped.
    static func drops(_ figures: [String: Double], cause: (Int) -> String?) -> String? {
        guard let dropped = figures["batch/dropped_no_reward"], dropped > 0 else { return nil }
        let names = figures.keys.sorted().compactMap { key -> String? in
            guard key.hasPrefix("reward/"), key.hasSuffix("/failed"), let count = figures[key], count > 0 else {
                return nil
            }
            return "\(key.dropFirst(7).dropLast(7)) failed for \(whole(count))"
        }
        let all = dropped + (figures["batch/samples"] ?? 0)
        let step = figures["step"].flatMap { Int(exactly: $0) } ?? -1
        // Steps are counted from 0 in the file, and from 1 for people.
        return
            "step \(step &+ 1): \(whole(dropped)) of \(whole(all)) answers dropped for want of a reward"
            + (names.isEmpty ? "" : " (\(names.joined(separator: ", ")))")
            + (cause(step).map { "; the last: \($0)" }
                ?? "; why is in logs/scorer-*.log, or where the reward worker prints")
    }

    /// Figures come from a file, so that a number may be of any size.
    private static func whole(_ number: Double) -> String { String(format: "%.0f", number) }

    private mutating func alarms(_ snapshot: ClusterSnapshot) -> [String] {
        snapshot.alarms.compactMap { alarm in
            let last = alarms[alarm.code]
            guard last?.since != alarm.sinceMs else { return nil }
            if let last, snapshot.learner.step < last.step + Self.stepsBetween {
                alarms[alarm.code] = (last.step, alarm.sinceMs)
                return nil
            }
            alarms[alarm.code] = (snapshot.learner.step, alarm.sinceMs)
            return "alarm \(alarm.code): \(RunAlarm.sentence(alarm.code, alarm.detail))"
        }
    }
}
