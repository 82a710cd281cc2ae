import ClusterModel
import Console
import Coordinator
import Foundation
import RunConfiguration
import RunLayout
import StatusServer

/// A run that no process works on, as its files tell of it.
struct EndedRun {
    var directory: String
    var name: String
    var state: JournalSummary.Ending
    var step: Int
    var steps: Int
    /// The cause, when it failed.
    var failure: String?
    var figures: [String: Double]
    var lastCommit: Int64?
    /// Why the policy of a finished run is probably worth less than its start.
    var degradation: String?

    /// - Returns: nil when no PPO has started there.
    static func read(in directory: String) -> EndedRun? {
        let path = URL(filePath: directory).standardizedFileURL.path
        let layout = RunLayout(path)
        let journal = layout[.journal]
        guard let ending = JournalSummary.ending(path: journal) else { return nil }
        let run = try? RunConfiguration.loadOwn(path)?.configuration
        let step = JournalSummary.committedSteps(path: journal)
        let steps = run?.ppo.steps ?? step
        let isExported = FileManager.default.fileExists(atPath: layout.policyWeights)
        return EndedRun(
            directory: path, name: run?.name ?? "run",
            // An extended run was done before; the last step decides, and a run without its policy is not finished.
            state: step >= steps && isExported ? .done : ending == .done ? .stopped : ending, step: step, steps: steps,
            failure: ending == .failed ? JournalSummary.lastFailure(path: journal) : nil,
            figures: JournalSummary.lastFigures(path: journal) ?? [:],
            lastCommit: JournalSummary.lastCommit(path: journal),
            degradation: step >= steps && isExported ? Self.degradation(path) : nil)
    }

    private static func degradation(_ directory: String) -> String? {
        struct Summary: Decodable { var outcome: String?; var reason: String? }
        let summary = RunLayout(directory).data(.summary)
            .flatMap { try? JSONDecoder().decode(Summary.self, from: $0) }
        return summary?.outcome == "degraded" ? summary?.reason : nil
    }

    /// `stopped after step 12 of 20; go on with: skein run FILE`
    var sentence: String {
        let goOn = "go on with: \(Invocation.skein) run \(Invocation.quoted(RunLayout(directory)[.runFile]))"
        switch state {
        case .done:
            return "its run is finished, all \(steps) steps are made"
                + (degradation.map { ", but the policy is probably destroyed: \($0)" } ?? "")
        case .stopped: return "its run stopped after step \(step) of \(steps); \(goOn)"
        case .failed: return "its run failed after step \(step) of \(steps): \(failure ?? "see its logs"); \(goOn)"
        case .open: return "its run was ended from outside after step \(step) of \(steps); \(goOn)"
        }
    }

    var lines: String {
        let word =
            switch state {
            case .done: "DONE"
            case .stopped: "STOPPED"
            case .failed: "FAILED"
            case .open: "ENDED"
            }
        var lines = ["\(name)  \(word)  step \(step)/\(steps)"]
        if let lastCommit {
            let date = Date(timeIntervalSince1970: Double(lastCommit) / 1000)
            lines[0] += "  last step at \(date.formatted(.iso8601))"
        }
        let shown = [("reward", "critic/score/mean"), ("KL", "actor/sequence_kl_k1")].compactMap { name, key in
            figures[key].map { String(format: "%@ %.3f", name, $0) }
        }
        if !shown.isEmpty { lines.append(shown.joined(separator: "  ")) }
        lines.append(sentence)
        let layout = RunLayout(directory)
        for entry in [RunLayout.Entry.policy, .bestPolicy, .report] where layout.holds(entry) {
            lines.append("\(entry.rawValue): \(layout[entry])")
        }
        return lines.joined(separator: "\n")
    }

    /// As the endpoint has it, as far as files tell.
    func json() throws -> String {
        let states: [JournalSummary.Ending: ClusterSnapshot.RunState] = [.done: .done, .failed: .failed]
        var snapshot = ClusterSnapshot(
            runId: "", name: name, epoch: 0, state: states[state] ?? .draining, startedMs: 0, nowMs: 0, steps: steps)
        snapshot.learner.step = step
        snapshot.learner.state = "gone"
        snapshot.learner.metrics = figures
        snapshot.learner.lastStepMs = lastCommit
        return String(decoding: try StatusCoding.encoder().encode(snapshot), as: UTF8.self)
    }
}
