import ClusterModel
import Console
import Coordinator
import Foundation
import RunConfiguration
import StatusServer

/// A run that somebody works on and whose coordinator does not answer: it is in another stage than PPO.
struct LiveStages {
    var name: String
    var steps: Int
    var step: Int
    var sentence: String

    /// - Returns: nil when nobody works in the directory, or its coordinator is there.
    static func read(in directory: String) -> LiveStages? {
        let path = URL(filePath: directory).standardizedFileURL.path
        guard CoordinatorFile.read(in: path) == nil, let owner = RunLock.owner(of: path) else { return nil }
        let run = try? RunConfiguration.loadOwn(path)?.configuration
        let ended = EndedRun.read(in: path)
        let place =
            switch ended?.state {
            case nil: "in its stages before PPO"
            case .done: "in its stages behind PPO"
            default: "at PPO, and its coordinator does not answer; it may be starting again"
            }
        return LiveStages(
            name: run?.name ?? "run", steps: run?.ppo.steps ?? 0, step: ended?.step ?? 0,
            sentence: "\(owner) is \(place)")
    }

    var lines: String { "\(name)  STARTING  step \(step)/\(steps)\n\(sentence)" }

    /// As the endpoint has it, as far as files tell.
    func json() throws -> String {
        var snapshot = ClusterSnapshot(
            runId: "", name: name, epoch: 0, state: .starting, startedMs: 0, nowMs: 0, steps: steps)
        snapshot.learner.step = step
        return String(decoding: try StatusCoding.encoder().encode(snapshot), as: UTF8.self)
    }
}
