import ClusterModel
import Transport

/// What the status says of who may connect, and of who was refused.
struct AccessFigures {
    /// Milliseconds for which a refusal is an alarm.
    private static let alarming: Int64 = 600_000

    let refusals: RefusalLog
    /// Whoever reaches the socket is believed, whatever it says.
    let isOpen: Bool

    /// A worker of another version is somebody whom the run waits for in vain.
    func note(_ outgoing: Outgoing) {
        guard case .refused(let code, let words) = outgoing.message, code == Refusal.Code.protocol.rawValue else {
            return
        }
        refusals.note(outgoing.peer.name, words)
    }

    /// A run that waited in vain names those who wanted to come and were not let in.
    func told(of ending: RunEnding) -> RunEnding {
        let last = refusals.entries.suffix(3)
        guard ending.exitCode == 75, !last.isEmpty else { return ending }
        let names = last.map { "\($0.who) (\($0.why))" }.joined(separator: ", ")
        return RunEnding("\(ending.message); refused meanwhile: \(names)", exitCode: ending.exitCode)
    }

    func show(in snapshot: inout ClusterSnapshot) {
        if isOpen {
            snapshot.alarms.append(
                ClusterSnapshot.Alarm(
                    code: "insecure_bind", sinceMs: snapshot.startedMs,
                    detail: "the run listens without keys (--insecure-bind): whoever reaches it can read and change it",
                    step: snapshot.learner.step + 1))
        }
        let entries = refusals.entries
        snapshot.refusals = entries.map {
            ClusterSnapshot.Refusal(who: $0.who, why: $0.why, count: $0.count, firstMs: $0.first, lastMs: $0.last)
        }
        guard let last = entries.last else { return }
        var alarm = ClusterSnapshot.Alarm(
            code: "peer_refused", sinceMs: last.last,
            detail: "\(last.who): \(last.why)\(last.count > 1 ? ", \(last.count) times" : "")",
            step: snapshot.learner.step + 1)
        alarm.isPast = snapshot.nowMs - last.last > Self.alarming
        snapshot.alarms.append(alarm)
    }
}
