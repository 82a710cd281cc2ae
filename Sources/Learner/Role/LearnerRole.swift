package import Cluster
import ClusterModel
import Foundation
import LanguageModels
package import Logging
import PolicyOptimization
import RunConfiguration
import RunLayout
import Torch

/// The learner as a process of a cluster, from WELCOME to the last step.
///
/// Owned by the command that made link and server and that closes both afterwards. `run` returns when the plan is done
/// or the coordinator says stop; cancelling it ends at the next await, with a checkpoint of the last step on disk.
package struct LearnerRole: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// The last step is committed and the policy stands in the run directory.
        case finished
        /// The coordinator said so.
        case stopped(reason: String, exitCode: Int)
    }

    private let link: WorkerLink
    private let server: ArtifactServer
    private let log: Logger

    package init(link: WorkerLink, server: ArtifactServer, log: Logger) {
        self.link = link
        self.server = server
        self.log = log
    }

    package func run() async throws -> Outcome {
        var messages = link.messages().makeAsyncIterator()
        let welcome = try await Self.welcome(&messages)
        guard case .learner(let setup) = welcome.setup else {
            throw LearnerError(.cluster, "the coordinator takes this learner for another role")
        }
        if let problem = welcome.setup?.problem {
            throw LearnerError(.cluster, "what the coordinator says of the run: \(problem)")
        }
        let configuration = try RunConfiguration(setup)
        let cluster = ClusterLearnerLink(link)
        await cluster.report(phase: "loading", fraction: 0)
        let executor = ComputeExecutor(name: "learner")
        defer { executor.shutDown() }
        let rest = Messages(messages)
        return try await withThrowingTaskGroup(of: Outcome?.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                while true {
                    do { try await Task.sleep(for: .seconds(1)) } catch { return nil }
                    cluster.pulse()
                }
            }
            let loop = try await Self.prepare(
                configuration, epoch: welcome.epoch, executor: executor, link: cluster,
                artifacts: ServedArtifacts(server), log: log)
            group.addTask {
                try await loop.run()
                return .finished
            }
            group.addTask { [server] in try await Self.listen(rest, cluster, server) }
            while let outcome = try await group.next() {
                if let outcome { return outcome }
            }
            throw LearnerError(.cluster, "the link to the coordinator was closed")
        }
    }

    private static func welcome(_ messages: inout AsyncStream<Message>.Iterator) async throws -> Welcome {
        while let message = await messages.next() {
            switch message {
            case .welcome(let welcome): return welcome
            case .refused(let code, let text):
                throw refusal(code, text)
            case .stop(let reason, _): throw LearnerError(.cluster, "the run is over: \(reason)")
            default: continue
            }
        }
        try Task.checkCancellation()
        throw LearnerError(.cluster, "the link to the coordinator was closed before it answered")
    }

    private static func refusal(_ code: String, _ text: String) -> LearnerError {
        let mayPass = Refusal.Code(rawValue: code)?.mayPass ?? false
        return LearnerError(
            mayPass ? .taken : .cluster, "the coordinator refused this learner: \(text) (\(code))")
    }

    /// Takes the coordinator's words while the loop works.
    private static func listen(
        _ messages: Messages, _ cluster: ClusterLearnerLink, _ server: ArtifactServer
    ) async throws -> Outcome? {
        var iterator = messages.iterator
        while let message = await iterator.next() {
            switch message {
            case .pause(let paused): cluster.pause(paused)
            case .peers(let peers): server.admit(peers)
            case .stop(let reason, let exitCode): return .stopped(reason: reason, exitCode: exitCode)
            case .refused(let code, let text):
                throw refusal(code, text)
            default: continue
            }
        }
        try Task.checkCancellation()
        throw LearnerError(.cluster, "the link to the coordinator was closed")
    }

    /// Loads models and the last checkpoint.
    static func prepare(
        _ run: RunConfiguration, epoch: UInt64, executor: ComputeExecutor, link: any LearnerLink,
        artifacts: any ArtifactStore, log: Logger
    ) async throws -> LearnerLoop {
        guard let base = run.models.policy else {
            throw LearnerError(.setting, "models.policy: PPO needs a model to start from")
        }
        let directory = URL(filePath: run.runDirectory)
        let heldOut = try HeldOutWatch(run, base: base, on: executor)
        let checkpoints = CheckpointStore(
            directory: run.layout.url(.checkpoints), keep: run.ppo.keepCheckpoints,
            pinned: { heldOut?.bestStep(among: $0) })
        let versions = VersionStore(directory: run.layout.url(.versions))
        let settings = PPOSettings(run)
        try settings.check()
        let threads = run.roles.learner.threads
        for warning in try ModelFiles.directory(base).configuration().warnings { log.warning("\(warning)") }
        let models = TrainerModels(run, policy: base)
        let engine = try await LearnerEngine.start(
            on: executor, store: checkpoints, versions: versions, lag: run.schedule.versionsBehind,
            runDirectory: directory
        ) {
            try TorchRuntime.configure(threads: threads)
            return try models.trainer(settings)
        }
        var fixed: [LearnerLoop.FixedArtifact] = []
        if let reference = run.models.reference, !run.ppo.referenceFromBase {
            fixed.append(LearnerLoop.FixedArtifact(kind: .reference, directory: URL(filePath: reference)))
        }
        for reward in run.rewards {
            guard let path = reward.model?.path else { continue }
            fixed.append(LearnerLoop.FixedArtifact(kind: .reward(reward.name), directory: URL(filePath: path)))
        }
        return LearnerLoop(
            plan: LearnerLoop.Plan(
                steps: run.ppo.steps, epoch: epoch, runDirectory: directory, base: URL(filePath: base),
                lag: run.schedule.versionsBehind, checkpointEvery: run.ppo.checkpointEvery, settings: StepSettings(run)),
            engine: engine, checkpoints: checkpoints, versions: versions, link: link, artifacts: artifacts,
            fixed: fixed,
            heldOut: heldOut, log: log)
    }
}

/// Hands the rest of a stream to another task.
private struct Messages: @unchecked Sendable {
    // SAFETY: moved from one task to another, which alone goes on with it.
    let iterator: AsyncStream<Message>.Iterator

    init(_ iterator: AsyncStream<Message>.Iterator) { self.iterator = iterator }
}
