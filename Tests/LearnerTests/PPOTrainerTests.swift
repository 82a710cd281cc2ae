import ClusterModel
import Foundation
import LanguageModels
import PolicyOptimization
import Reports
import RunConfiguration
import Testing
import Torch

@testable import Learner

/// The trainer without a cluster: the checks of PPO.md that cost nothing, learning, and exact resumption.
@Suite(.serialized) struct PPOTrainerTests {
    func metric(_ report: StepReport, _ name: String) throws -> Double {
        try #require(report.metrics[name], "\(name) is not reported")
    }

    func freshBatch(_ trainer: PPOTrainer, reference: CausalLM) throws -> [RolloutSample] {
        try Bench.rollout(
            trainer.policy, reference: reference, step: trainer.state.step, version: trainer.state.step,
            reward: Bench.evenness)
    }

    @Test(arguments: [PPOSection.CriticKind.separate, .shared])
    func firstMinibatchOfFreshDataHasRatioOneAndStepZeroHasNoKL(kind: PPOSection.CriticKind) throws {
        var settings = Bench.settings()
        settings.ppo.critic = kind
        let trainer = try Bench.trainer(settings)
        let report = try trainer.update(freshBatch(trainer, reference: Bench.policy()))
        #expect(abs(try metric(report, Metric.firstRatio) - 1) < 1e-3)
        #expect(try metric(report, Metric.firstClipFraction) == 0)
        #expect(abs(try metric(report, Metric.sequenceKL1)) < 1e-6)
        #expect(try metric(report, Metric.logProbabilityDifference) < 1e-3)
        #expect(try metric(report, Metric.updates) > 0)
        #expect(trainer.state.step == 1)
    }

    @Test func everyFigureOfPPOIsReported() throws {
        let trainer = try Bench.trainer()
        let report = try trainer.update(freshBatch(trainer, reference: Bench.policy()))
        for name in [
            Metric.rewardMean, Metric.rewardDeviation, Metric.rewardMinimum, Metric.rewardMaximum,
            Metric.rewardPart("test"), Metric.sequenceKL1, Metric.sequenceKL3, Metric.beta, Metric.entropy,
            Metric.approximateKL, Metric.clipFraction, Metric.valueClipFraction, Metric.ratioMean, Metric.ratioMaximum,
            Metric.policyLoss, Metric.valueLoss, Metric.explainedVariance, Metric.advantageMean,
            Metric.advantageDeviation, Metric.policyGradientNorm, Metric.criticGradientNorm, Metric.policyRate,
            Metric.criticRate, Metric.lengthMean, Metric.lengthMaximum, Metric.truncatedShare, Metric.endedShare,
            Metric.repeated4, Metric.distinct2, Metric.logProbabilityDifference, Metric.stalenessMean,
            Metric.trainingTokensPerSecond, Metric.secondsUpdate, Metric.clampedLogRatios,
        ] {
            #expect(try metric(report, name).isFinite, "\(name)")
        }
        #expect(try metric(report, Metric.entropy) > 1)
        #expect(
            report.metrics.keys.filter { FigureTable.named($0) == nil }.sorted() == [], "explain these in FigureTable")
    }

    @Test(arguments: PPOSection.Advantage.allCases)
    func rewardRises(estimator: PPOSection.Advantage) throws {
        var settings = Bench.settings()
        settings.ppo.advantage = estimator
        settings.ppo.kl.fix(0.01)
        let trainer = try Bench.trainer(settings)
        let reference = try Bench.policy()
        var rewards: [Double] = []
        for step in 0..<12 {
            let batch = try Bench.rollout(
                trainer.policy, reference: reference, step: step, version: step, samples: 4, reward: Bench.evenness)
            rewards.append(try metric(trainer.update(batch), Metric.rewardMean))
        }
        let (early, late) = (rewards.prefix(3).reduce(0, +) / 3, rewards.suffix(3).reduce(0, +) / 3)
        #expect(late > early + 0.1, "\(rewards)")
    }

    @Test func constantRewardTeachesThePolicyNothing() throws {
        // Without a critic: only then is the advantage of a constant reward exactly 0.
        var settings = Bench.settings()
        settings.ppo.advantage = .rloo
        settings.ppo.kl.fix(0)
        let trainer = try Bench.trainer(settings)
        let before = try trainer.policy.safetensorsData()
        let batch = try Bench.rollout(
            trainer.policy, reference: Bench.policy(), step: 0, version: 0
        ) { _ in 1 }
        let report = try trainer.update(batch)
        #expect(try trainer.policy.safetensorsData() == before)
        #expect(try metric(report, Metric.groupsWithoutSpread) == 1)
        #expect(try metric(report, Metric.shapedMean) == 1)
    }

    @Test func withHugeBetaThePolicyStays() throws {
        func drift(beta: Double) throws -> Double {
            var settings = Bench.settings()
            settings.ppo.kl.fix(beta)
            settings.ppo.targetKL = nil
            let trainer = try Bench.trainer(settings)
            let reference = try Bench.policy()
            var kl = 0.0
            for step in 0..<10 {
                let batch = try Bench.rollout(
                    trainer.policy, reference: reference, step: step, version: step, reward: Bench.evenness)
                kl = try metric(trainer.update(batch), Metric.sequenceKL1)
            }
            return kl
        }
        let (loose, tight) = (try drift(beta: 0), try drift(beta: 10))
        #expect(tight < loose / 3, "KL \(tight) with beta 10, \(loose) without")
    }

    @Test(arguments: [PPOSection.CriticKind.separate, .shared])
    func resumedRunIsBitIdentical(kind: PPOSection.CriticKind) throws {
        try Bench.inTemporaryDirectory { root in
            var settings = Bench.settings()
            settings.ppo.critic = kind
            settings.ppo.kl.adapt(from: 0.15, target: 0.1, horizon: 100)
            settings.ppo.normaliseRewards = true
            let reference = try Bench.policy()
            func step(_ trainer: PPOTrainer) throws -> StepReport {
                try trainer.update(freshBatch(trainer, reference: reference))
            }
            let whole = try Bench.trainer(settings)
            for _ in 0..<2 { _ = try step(whole) }
            let store = CheckpointStore(directory: root.appending(path: "checkpoints"), keep: 2)
            try store.write(step: 2) { try whole.saveCheckpoint(to: $0) }
            for _ in 0..<2 { _ = try step(whole) }

            let resumed = try Bench.trainer(settings)
            try resumed.loadCheckpoint(from: #require(store.latest()).url)
            #expect(resumed.state.step == 2)
            for _ in 0..<2 { _ = try step(resumed) }
            #expect(try resumed.policy.safetensorsData() == whole.policy.safetensorsData())
            #expect(resumed.state == whole.state)
            #expect(resumed.state.controller.beta != 0.15)
            if case .separate(let a) = resumed.critic, case .separate(let b) = whole.critic {
                #expect(try a.files() == b.files())
            }
        }
    }

    @Test func damagedCheckpointsAreRefusedByName() throws {
        try Bench.inTemporaryDirectory { root in
            let trainer = try Bench.trainer()
            let store = CheckpointStore(directory: root, keep: 2)
            try store.write(step: 1) { try trainer.saveCheckpoint(to: $0) }
            let url = store.url(step: 1)
            let weights = url.appending(path: "policy/model.safetensors")
            let whole = try Data(contentsOf: weights)
            try whole.prefix(whole.count / 2).write(to: weights)
            #expect(throws: LearnerError.self) { try trainer.loadCheckpoint(from: url) }
            try whole.write(to: weights)
            // Of every file that cannot be read it is said what to do.
            let later = store.url(step: 2)
            for name in ["policy/model.safetensors", "optimizer.safetensors", "state.json"] {
                try? FileManager.default.removeItem(at: later)
                try FileManager.default.copyItem(at: url, to: later)
                let file = later.appending(path: name)
                let bytes = try Data(contentsOf: file)
                try bytes.prefix(bytes.count / 2).write(to: file)
                let error = #expect(throws: LearnerError.self) { try trainer.loadCheckpoint(from: later) }
                #expect(error?.code == .checkpoint)
                #expect(error?.message.contains("skein run --from") == true, "\(error?.message ?? "")")
            }
            try FileManager.default.removeItem(at: later.appending(path: "policy/model.safetensors"))
            let gone = #expect(throws: LearnerError.self) { try CheckpointFiles.policyFiles(in: later) }
            #expect(gone?.message.contains("skein run --from") == true, "\(gone?.message ?? "")")
            try FileManager.default.removeItem(at: later)
            try Data("{".utf8).write(to: url.appending(path: "state.json"))
            #expect(throws: LearnerError.self) { try trainer.loadCheckpoint(from: url) }
            #expect(throws: LearnerError.self) { try trainer.loadCheckpoint(from: store.url(step: 7)) }
        }
    }

    @Test func staleDataIsRecomputedAndItsWeightIsTruncated() throws {
        let trainer = try Bench.trainer()
        let reference = try Bench.policy()
        let stale = try freshBatch(trainer, reference: reference)
        _ = try trainer.update(stale)
        let report = try trainer.update(stale)
        #expect(try metric(report, Metric.stalenessMean) == 1)
        #expect(report.metrics[Metric.logProbabilityDifference] == nil)
        #expect(abs(try metric(report, Metric.firstRatio) - 1) < 1e-3)
        #expect(try metric(report, Metric.behaviourWeightMean) != 1)
    }

    @Test func generatorsThatDisagreeAreFoundOut() throws {
        let trainer = try Bench.trainer()
        var batch = try freshBatch(trainer, reference: Bench.policy())
        for index in batch.indices {
            batch[index].trajectory.logProbabilities = batch[index].trajectory.logProbabilities.map { $0 + 0.1 }
        }
        let report = try trainer.update(batch)
        #expect(abs(try metric(report, Metric.logProbabilityDifference) - 0.1) < 1e-3)
        #expect(report.alarms.map(\.code).contains(.logProbabilityMismatch))
        // The ratio is taken to what the learner computed itself.
        #expect(abs(try metric(report, Metric.firstRatio) - 1) < 1e-3)
    }

    @Test func earlyStopEndsTheEpochs() throws {
        var settings = Bench.settings()
        settings.ppo.targetKL = 1e-6
        let trainer = try Bench.trainer(settings)
        let report = try trainer.update(freshBatch(trainer, reference: Bench.policy()))
        #expect(try metric(report, Metric.earlyStop) == 1)
        #expect(try metric(report, Metric.updates) == 1)
        #expect(report.notes.contains { $0.contains("target_kl") })
    }

    @Test func threeUpdatesThatAreNotFiniteStopTheRunAndTouchNothing() throws {
        let trainer = try Bench.trainer()
        var batch = try freshBatch(trainer, reference: Bench.policy())
        for index in batch.indices { batch[index].reference = batch[index].reference.map { _ in -.infinity } }
        let before = try trainer.policy.safetensorsData()
        let report = try trainer.update(batch)
        #expect(report.stop != nil)
        #expect(try trainer.policy.safetensorsData() == before)
        try Bench.inTemporaryDirectory { root in
            let file = try BatchArchive.write(batch, step: 1, into: root)
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == batch.count)
            #expect(lines[0].contains("\"-inf\""))
        }
    }

    /// What a person reads: the step as everywhere else, what to change, and where the batch is.
    @Test func aRunThatDivergesNamesItsStepAndTheRemedy() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-diverged-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let executor = ComputeExecutor()
        defer { executor.shutDown() }
        let store = CheckpointStore(directory: root.appending(path: "checkpoints"), keep: 1)
        let versions = VersionStore(directory: root.appending(path: "versions"))
        let engine = try await LearnerEngine.start(on: executor, store: store, versions: versions, runDirectory: root) {
            try Bench.trainer()
        }
        let batch = try freshBatch(Bench.trainer(), reference: Bench.policy())
        let job = RolloutJob(
            index: 0, trajectories: batch.map(\.trajectory),
            scores: Scores(
                referenceLogProbabilities: batch.map { $0.reference.map { _ in -.infinity } },
                rewards: ["test": batch.map { $0.rewards["test"] ?? nil }]))
        let error = await #expect(throws: LearnerError.self) { try await engine.update([job]) }
        let words = error.map { "\($0)" } ?? ""
        #expect(words.contains("step 1: ") && words.contains("lower ppo.learning_rate"), "\(words)")
        #expect(words.contains("inspect/step-1.jsonl"), "\(words)")
    }

    @Test func batchesThatDoNotFitChangeNothing() throws {
        let trainer = try Bench.trainer()
        let before = trainer.state
        var foreign = try freshBatch(trainer, reference: Bench.policy())
        foreign[0].trajectory.responseTokens[0] = 99
        #expect(throws: LearnerError.self) { try trainer.update(foreign) }
        #expect(trainer.state == before)
    }

    @Test func microBatchesDoNotChangeTheStep() throws {
        func weights(budget: Int) throws -> [Float] {
            var settings = Bench.settings()
            settings.ppo.tokenBudget = budget
            settings.ppo.epochs = 1
            let trainer = try Bench.trainer(settings)
            _ = try trainer.update(freshBatch(trainer, reference: Bench.policy()))
            return try trainer.policy.parameters.flatMap { try $0.tensor.detach().floats() }
        }
        let (whole, parts) = (try weights(budget: 100_000), try weights(budget: 16))
        // Adam's first steps have nearly the size of the rate whatever the gradient's, so compare on that scale.
        let difference = zip(whole, parts).map { abs($0 - $1) }.max() ?? 1
        #expect(difference < 1e-4, "\(difference)")
    }
}
