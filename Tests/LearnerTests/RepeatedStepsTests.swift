import ClusterModel
import Foundation
import LanguageModels
import Logging
import PolicyOptimization
import RunConfiguration
import Synchronization
import Testing
import Torch

@testable import Learner

/// Learners that die between two checkpoints, and those that come behind them.
@Suite(.serialized) struct RepeatedStepsTests {
    private typealias Loop = LearnerLoopTests

    private func checkpoints(_ root: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.path + "/run/checkpoints").sorted()
    }

    /// The steps since the checkpoint are made again, to the bit, whether their files are still there, are gone, or are
    /// damaged. The log says which they are.
    @Test(arguments: [(0, "kept"), (1, "gone"), (1, "damaged")])
    func aLearnerThatDiesRepeatsTheStepsSinceItsCheckpoint(_ lag: Int, _ files: String) async throws {
        var whole: [Int: Data] = [:]
        try await Loop.inTemporaryDirectory { root in
            let cluster = FakeCluster(lag: lag, base: root.appending(path: "base"))
            try await Loop.run(root, cluster, steps: 9)
            whole = cluster.state.withLock { $0.weights }
            #expect(whole.count == 9)
        }
        try await Loop.inTemporaryDirectory { root in
            let first = FakeCluster(lag: lag, base: root.appending(path: "base"))
            first.state.withLock { $0.crashAtCommit = 7 }
            await #expect(throws: FakeCluster.Crash.self) {
                try await Loop.run(root, first, steps: 9, every: .steps(4))
            }
            #expect(try checkpoints(root) == ["step-000004", "step-000008"])
            // As if it had died before the second was on disk.
            try FileManager.default.removeItem(at: root.appending(path: "run/checkpoints/step-000008"))
            try spoil(root.appending(path: "run/versions"), files)

            let second = FakeCluster(lag: lag, base: root.appending(path: "base"), from: first)
            let lines = LogLines()
            try await Loop.run(root, second, steps: 9, every: .steps(4), log: lines.logger)
            let state = second.state.withLock { $0 }
            #expect(state.asked == [4, 5, 6, 7, 8])
            #expect(state.weights == whole)
            #expect(lines.all.contains("repeats steps 5 to 7 from the journal"), "\(lines.all)")
            // Nothing is kept of a run that is over, and the last step has its checkpoint.
            #expect(state.batches.isEmpty && state.checkpoint == 9)
            #expect(try checkpoints(root).contains("step-000009"))
        }
    }

    private func spoil(_ versions: URL, _ how: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: versions.path) where how != "kept" {
            let version = versions.appending(path: name)
            let weights = version.appending(path: "model.safetensors")
            // What a checkpoint links to was synced.
            guard try FileManager.default.attributesOfItem(atPath: weights.path)[.referenceCount] as? Int == 1 else {
                continue
            }
            if how == "gone" { try FileManager.default.removeItem(at: version) } else { try Data().write(to: weights) }
        }
    }

    /// At every step, and never are more repeated than the run file allows.
    @Test(arguments: 1...6) func noMoreThanSoManyStepsAreRepeated(_ step: Int) async throws {
        try await Loop.inTemporaryDirectory { root in
            let first = FakeCluster(lag: 0, base: root.appending(path: "base"))
            first.state.withLock { $0.crashAtCommit = step }
            await #expect(throws: FakeCluster.Crash.self) {
                try await Loop.run(root, first, steps: 8, every: .steps(2))
            }
            let state = first.state.withLock { $0 }
            #expect(state.committed.count == step && state.committed.count - state.checkpoint <= 2)
            #expect(state.batches.keys.min() ?? step >= state.checkpoint)
        }
    }

    /// A repeated step that leads to other weights is not taken for the one that was committed.
    @Test func otherWeightsAreNotCommittedAgain() async throws {
        try await Loop.inTemporaryDirectory { root in
            let first = FakeCluster(lag: 0, base: root.appending(path: "base"))
            first.state.withLock { $0.crashAtCommit = 3 }
            await #expect(throws: FakeCluster.Crash.self) {
                try await Loop.run(root, first, steps: 5, every: .steps(9))
            }
            let second = FakeCluster(lag: 0, base: root.appending(path: "base"), from: first)
            second.state.withLock { $0.batches[1] = $0.batches[2] }
            await #expect(throws: FakeCluster.Unequal.self) {
                try await Loop.run(root, second, steps: 5, every: .steps(9))
            }
            // What was refused is not gone on from.
            #expect((try? checkpoints(root))?.contains { $0.hasPrefix("step-") } != true)
        }
    }

    /// SIGTERM, or the coordinator's word.
    @Test func aLearnerThatIsAskedToEndLeavesACheckpoint() async throws {
        try await Loop.inTemporaryDirectory { root in
            let first = FakeCluster(lag: 1, base: root.appending(path: "base"))
            first.state.withLock { $0.endAtCommit = 3 }
            await #expect(throws: CancellationError.self) {
                try await Loop.run(root, first, steps: 6, every: .steps(9))
            }
            #expect(try checkpoints(root).filter { $0.hasPrefix("step-") } == ["step-000004"])
            #expect(
                try FileManager.default.contentsOfDirectory(
                    atPath: root.path + "/run/checkpoints/step-000004/earlier") == ["step-000003"])
            // With the step that it had made and that nobody has heard of.
            let second = FakeCluster(lag: 1, base: root.appending(path: "base"), from: first)
            try await Loop.run(root, second, steps: 6, every: .steps(9))
            let state = second.state.withLock { $0 }
            #expect(state.asked == [4, 5] && state.committed == Array(0..<6))
        }
    }

    /// The policy's file of each step, and of checkpoints what a fifth of that allows.
    @Test func theDefaultWritesAFifthMoreThanThePolicies() async throws {
        try await Loop.inTemporaryDirectory { root in
            let cluster = FakeCluster(lag: 0, base: root.appending(path: "base"))
            try await Loop.run(root, cluster, steps: 60, every: .auto)
            let reports = try cluster.state.withLock { $0.metrics }.mapValues {
                try JSONDecoder().decode([String: Double].self, from: $0)
            }
            let bytes = (0..<60).compactMap { reports[$0]?[Metric.bytesWritten] }
            let policy = try #require(bytes.min())
            let weights = try #require(cluster.state.withLock { $0.weights[0]?.count })
            // The files beside the weights are as large as those of a small model.
            #expect(policy >= Double(weights) && policy < 1.2 * Double(weights))
            #expect(bytes.count == 60 && bytes.reduce(0, +) <= 1.2 * 60 * policy, "\(bytes.reduce(0, +) / 60 / policy)")
            #expect(bytes.contains { $0 > 2 * policy }, "no checkpoint was written")
        }
    }

    /// Held-out prompts are asked of the policy alone, and the best is kept without what nobody goes on from.
    @Test func aMeasuredStepKeepsItsPolicyAlone() throws {
        try Bench.inTemporaryDirectory { root in
            let store = CheckpointStore(directory: root.appending(path: "checkpoints"), keep: 1, pinned: { _ in 2 })
            let trainer = try Bench.trainer()
            try store.write(step: 1) { try trainer.saveCheckpoint(to: $0) }
            let version = root.appending(path: "version")
            try trainer.savePolicy(to: version)
            for step in [2, 3] { try store.keepPolicy(of: step, in: version, metrics: ["a": 1, "b": .nan]) }
            #expect(store.latest()?.step == 1 && store.steps == [1, 2, 3])
            store.removeMeasured()
            #expect(store.steps == [1, 2])
            // A checkpoint of the same step takes its place.
            try store.write(step: 2) { try trainer.saveCheckpoint(to: $0) }
            #expect(store.latest()?.step == 2 && store.steps == [2])
            // The best one of those that are too old is left its policy.
            try store.write(step: 3) { try trainer.saveCheckpoint(to: $0) }
            #expect(store.latest()?.step == 3 && store.steps == [2, 3])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: store.url(step: 2).path).sorted()
                    == ["policy", "policy-only", "state.json"])
        }
    }

    /// A checkpoint is of the moment at which it was begun, though the trainer has gone on meanwhile.
    @Test func theTrainerWaitsUntilItsTensorsAreRead() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-gate-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let reference = try Bench.policy()
        let trainer = try Bench.trainer()
        let batch = try Bench.rollout(
            trainer.policy, reference: reference, step: 0, version: 0, reward: Bench.evenness)
        _ = try trainer.update(batch)
        let store = CheckpointStore(directory: root, keep: 9)
        try store.write(step: 1) { try trainer.saveCheckpoint(to: $0) }
        let begun = Mutex(false)
        let rest = try trainer.restOfCheckpoint(nil)
        let snapshot = CheckpointSnapshot(step: 2, gate: trainer.gate) { directory in
            begun.withLock { $0 = true }
            // Time for an update that did not wait.
            Thread.sleep(forTimeInterval: 0.5)
            try rest(directory)
        }
        let writer = Thread { _ = try? store.write(step: 2) { try snapshot.write(to: $0) } }
        writer.start()
        while !begun.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.001) }
        let report = try trainer.update(batch)
        #expect(report.metrics[Metric.secondsCheckpoint] ?? 0 > 0)
        while !writer.isFinished { Thread.sleep(forTimeInterval: 0.001) }
        func bytes(_ step: Int, _ name: String) throws -> Data {
            try Data(contentsOf: store.url(step: step).appending(path: name))
        }
        for name in ["optimizer.safetensors", "critic/model.safetensors", "state.json"] {
            #expect(try bytes(1, name) == bytes(2, name), "\(name)")
        }
    }

    @Test func whatIsNotUsedKeepsNobodyWaiting() throws {
        let gate = ChangeGate()
        var snapshot: CheckpointSnapshot? = CheckpointSnapshot(step: 1, gate: gate) { _ in }
        try snapshot?.write(to: URL(filePath: "/nowhere"))
        #expect(gate.wait() == 0)
        snapshot = CheckpointSnapshot(step: 2, gate: gate) { _ in }
        snapshot = nil
        #expect(gate.wait() == 0 && snapshot == nil)
    }

    @Test func aCheckpointThatCannotBeWrittenEndsTheRun() async throws {
        try await Loop.inTemporaryDirectory { root in
            try FileManager.default.createDirectory(
                at: root.appending(path: "run"), withIntermediateDirectories: true)
            // A file where the directory has to be.
            try Data().write(to: root.appending(path: "run/checkpoints"))
            let cluster = FakeCluster(lag: 0, base: root.appending(path: "base"))
            let error = await #expect(throws: LearnerError.self) {
                try await Loop.run(root, cluster, steps: 9, every: .steps(2))
            }
            #expect(error?.code == .io && error?.message.contains("the checkpoint of step 2") == true)
            // No more was committed than can be repeated.
            #expect(cluster.state.withLock { $0.committed.count } <= 2)
        }
    }
}

/// When checkpoints are due.
@Suite struct CheckpointCadenceTests {
    private func due(_ cadence: CheckpointCadence, _ step: Int, _ time: Double, cost: Double? = nil) -> Bool {
        cadence.isDue(step, at: time, cost: cost)
    }

    @Test func stepsAreCountedFromTheLastOne() {
        var cadence = CheckpointCadence(.steps(5), size: 1 << 40, step: 40, at: 0)
        #expect(!due(cadence, 44, 1e9) && due(cadence, 45, 0) && cadence.most == 5)
        cadence.begin(45, at: 3)
        #expect(!due(cadence, 49, 1e9) && due(cadence, 50, 3))
    }

    @Test func minutesAreThoseSinceTheLastOneBegan() {
        var cadence = CheckpointCadence(.minutes(10), size: 1, step: 0, at: 100)
        #expect(!due(cadence, 1, 699) && due(cadence, 1, 700) && cadence.most == nil)
        cadence.begin(1, at: 700)
        #expect(!due(cadence, 2, 1_299))
        // The coordinator does not keep batches without end.
        cadence.add(policy: 0, batch: 64 << 20)
        #expect(due(cadence, 2, 701))
    }

    /// 5 W beside a policy of W: a fifth of the bytes are 25 steps.
    @Test func theDefaultIsBoundedByTimeAndBytes() {
        var cadence = CheckpointCadence(.auto, size: 500, step: 0, at: 0)
        for _ in 0..<24 { cadence.add(policy: 100, batch: 1) }
        #expect(!due(cadence, 24, 1_000, cost: 1))
        // After half an hour bytes do not matter, and time still does.
        #expect(due(cadence, 24, 1_800, cost: 90) && !due(cadence, 24, 1_800, cost: 91))
        cadence.add(policy: 100, batch: 1)
        #expect(due(cadence, 25, 20, cost: 1) && !due(cadence, 25, 19, cost: 1))
        // The first one has no cost that anybody knows.
        #expect(due(cadence, 25, 0))
        cadence.begin(25, at: 20)
        #expect(!due(cadence, 26, 1_000, cost: 1))
    }
}

/// By which settings a step is repeated.
@Suite struct StepSettingsTests {
    private func run(_ root: URL, rate: Double, threads: Int = 1) throws -> RunConfiguration {
        try RunConfiguration(
            LearnerSetup(
                runFile: """
                    run_directory: \(root.path)
                    ppo: {learning_rate: \(rate)}
                    roles: {learner: {threads: \(threads)}}
                    """))
    }

    @Test func aStepIsMadeByTheRunFileOfThen() throws {
        try Bench.inTemporaryDirectory { root in
            func begin(_ rate: Double, threads: Int = 1, committed: Int, checkpoint: Int) throws -> StepSettings {
                var settings = StepSettings(try run(root, rate: rate, threads: threads))
                try settings.begin(at: committed, checkpoint: checkpoint)
                return settings
            }
            _ = try begin(1e-3, committed: 0, checkpoint: 0)
            let second = try begin(1e-4, threads: 2, committed: 4, checkpoint: 2)
            #expect((2...4).map { second.basis(of: $0).settings.ppo.learningRate } == [1e-3, 1e-3, 1e-4])
            #expect((2...4).map { second.basis(of: $0).threads } == [1, 1, 2])
            // It made no step: the one that comes behind it takes its place.
            let third = try begin(1e-5, committed: 4, checkpoint: 2)
            #expect((3...5).map { third.basis(of: $0).settings.ppo.learningRate } == [1e-3, 1e-5, 1e-5])
            // Behind a checkpoint of later steps nothing of before is known, nor needed.
            let fourth = try begin(1e-5, committed: 6, checkpoint: 5)
            #expect(fourth.basis(of: 5).settings.ppo.learningRate == 1e-5)
            let file = root.appending(path: "checkpoints/settings.json")
            try Data("{".utf8).write(to: file)
            let error = #expect(throws: LearnerError.self) { try begin(1e-5, committed: 6, checkpoint: 5) }
            #expect(error?.code == .checkpoint && error?.message.contains(file.path) == true)
        }
    }

    /// A trainer that takes over other settings between two steps goes on as one that was restarted with them.
    @Test func settingsAreTakenOverBetweenSteps() throws {
        try Bench.inTemporaryDirectory { root in
            var later = Bench.settings()
            later.ppo.learningRate = 1e-4
            later.ppo.weightDecay = 0.1
            later.ppo.kl.fix(0.3)
            let reference = try Bench.policy()
            func step(_ trainer: PPOTrainer) throws {
                let step = trainer.state.step
                _ = try trainer.update(
                    Bench.rollout(
                        trainer.policy, reference: reference, step: step, version: step, reward: Bench.evenness))
            }
            let one = try Bench.trainer()
            try step(one)
            let store = CheckpointStore(directory: root, keep: 1)
            try store.write(step: 1) { try one.saveCheckpoint(to: $0) }
            try one.adopt(later)
            try step(one)
            let other = try Bench.trainer(later)
            try other.loadCheckpoint(from: store.url(step: 1))
            try step(other)
            #expect(try one.policy.safetensorsData() == other.policy.safetensorsData())
            #expect(one.state == other.state)
        }
    }
}

/// What was logged, as texts.
final class LogLines: Sendable {
    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.texts.withLock { $0.append("\(event.message)") } }
    }

    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }
}
