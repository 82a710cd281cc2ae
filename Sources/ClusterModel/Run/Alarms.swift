/// What people should look at, by code.
///
///     (1) raised --> ACTIVE: logged
///     ACTIVE --(2) raised again--> ACTIVE: counted, and logged when the last line is a minute old
///     ACTIVE --(3) five steps without it--> PAST: logged once
///     PAST --(4) raised again--> ACTIVE, as at edge 1
///
/// The guard looks at every step, so what goes on is raised again with each.
struct Alarms: Sendable {
    private struct Kept: Sendable {
        var alarm: ClusterSnapshot.Alarm
        var logged: Int64
        var isPast = false
    }

    private static let most = 50
    private static let stepsUntilPast = 5
    /// Milliseconds between two lines of the log about an alarm that goes on.
    private static let logPeriod: Int64 = 60_000

    /// Those that were raised last come last.
    private var kept: [Kept] = []

    /// As they stand after so many committed steps.
    func now(committed: Int) -> [ClusterSnapshot.Alarm] {
        kept.map { entry in
            var alarm = entry.alarm
            alarm.isPast = Self.isPast(alarm, committed)
            return alarm
        }
    }

    /// When an alarm was raised last; nil when it never was.
    func lastRaised(_ code: String) -> Int64? { kept.first { $0.alarm.code == code }?.alarm.sinceMs }

    private static func isPast(_ alarm: ClusterSnapshot.Alarm, _ committed: Int) -> Bool {
        committed >= alarm.step + stepsUntilPast
    }

    /// Edges 1, 2 and 4.
    ///
    /// - Parameter step: in which it was raised, from 1.
    /// - Returns: how often it was raised since it began, if that is to be logged.
    mutating func raise(_ code: String, _ detail: String, step: Int, at time: Int64) -> Int? {
        var entry = Kept(
            alarm: ClusterSnapshot.Alarm(code: code, sinceMs: time, detail: detail, step: step), logged: time)
        var isNews = true
        if let place = kept.firstIndex(where: { $0.alarm.code == code }) {
            let last = kept.remove(at: place)
            if !last.isPast {
                entry.alarm.times = last.alarm.times + 1
                isNews = time - last.logged >= Self.logPeriod
                if !isNews { entry.logged = last.logged }
            }
        }
        kept = (kept + [entry]).suffix(Self.most)
        return isNews ? entry.alarm.times : nil
    }

    /// Edge 3. Returns those that are past since this was last asked.
    mutating func passSteps(committed: Int) -> [ClusterSnapshot.Alarm] {
        var past: [ClusterSnapshot.Alarm] = []
        for place in kept.indices where !kept[place].isPast && Self.isPast(kept[place].alarm, committed) {
            kept[place].isPast = true
            past.append(kept[place].alarm)
        }
        return past
    }
}
