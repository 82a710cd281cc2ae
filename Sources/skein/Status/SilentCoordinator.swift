import ClusterModel
import Console
import Foundation
import RunLayout
import StatusServer

/// A coordinator that has said where it listens, is alive on this machine, and does not answer: it is stopped, or hangs.
struct SilentCoordinator {
    /// What the kernel says of a process.
    private enum Condition: String {
        case stopped = "is stopped"
        case waiting = "waits for a disk or another device"
        case alive = "is alive"

        /// nil when there is no such process any more, or it is not looked at here.
        init?(of pid: Int32) {
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                // The name in front of it may hold anything.
                let state = text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2).first
            else { return nil }
            switch state {
            case "T", "t": self = .stopped
            case "D": self = .waiting
            case "Z", "X": return nil
            default: self = .alive
            }
        }
    }

    private let pid: Int32
    private let condition: Condition
    private let owner: RunLock.Owner?

    /// - Returns: nil when no coordinator of the run lives on this machine. Whether it answers is for the caller to find out.
    static func read(in directory: String) -> SilentCoordinator? {
        guard let file = CoordinatorFile.read(in: directory), let condition = Condition(of: file.pid),
            // The number may be another program's by now.
            let line = FileManager.default.contents(atPath: "/proc/\(file.pid)/cmdline"),
            line.split(separator: 0).contains(where: { $0.elementsEqual("coordinator".utf8) })
        else { return nil }
        return SilentCoordinator(pid: file.pid, condition: condition, owner: RunLock.owner(of: directory))
    }

    /// What is wrong, and what to do.
    var sentence: String {
        "the coordinator does not answer (process \(pid) \(condition.rawValue)); \(remedy)"
    }

    private var remedy: String {
        if let owner, owner.host == nil, owner.pid != pid {
            guard Condition(of: owner.pid) == .stopped else {
                return "\(owner) replaces it by itself when it is silent for too long"
            }
            let group = getpgid(owner.pid)
            let whom = group > 1 && group == getpgid(pid) ? "-- -\(group)" : "\(owner.pid) \(pid)"
            return "\(owner) is stopped too; let both go on with: fg in its terminal, or kill -CONT \(whom)"
        }
        let again = "kill -9 \(pid), and start it again; nothing that is committed is lost"
        return condition == .stopped
            ? "let it go on with: kill -CONT \(pid)" : "look at its log; if it hangs, end it with: \(again)"
    }

    func lines(_ run: EndedRun) -> String { "\(run.name)  SILENT  step \(run.step)/\(run.steps)\n\(sentence)" }

    /// As the endpoint has it, as far as files tell: a run that goes on, with an alarm.
    func json(_ run: EndedRun) throws -> String {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        var snapshot = ClusterSnapshot(
            runId: "", name: run.name, epoch: 0, state: .running, startedMs: 0, nowMs: now, steps: run.steps)
        snapshot.learner.step = run.step
        snapshot.learner.state = "unknown"
        snapshot.learner.metrics = run.figures
        snapshot.learner.lastStepMs = run.lastCommit
        snapshot.alarms = [
            ClusterSnapshot.Alarm(code: "coordinator_silent", sinceMs: now, detail: sentence, step: run.step + 1)
        ]
        return String(decoding: try StatusCoding.encoder().encode(snapshot), as: UTF8.self)
    }
}
