import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Learner

/// Steps in which the critic learns alone (`ppo.critic_warmup_steps`).
@Suite(.serialized) struct CriticWarmupTests {
    var settings: PPOSettings {
        var settings = Bench.settings()
        settings.ppo.criticWarmupSteps = 2
        settings.ppo.kl.adapt(from: 0.1, target: 6, horizon: 100)
        // 16 updates each, of which 64 are the policy's.
        settings.ppo.steps = 6
        (settings.ppo.schedule, settings.ppo.warmup) = (.linear, 0.5)
        return settings
    }

    func step(_ trainer: PPOTrainer) throws -> StepReport {
        try trainer.update(
            Bench.rollout(
                trainer.policy, reference: Bench.policy(), step: trainer.state.step, version: trainer.state.step,
                reward: Bench.evenness))
    }

    func values(_ trainer: PPOTrainer) throws -> [Float] {
        guard case .separate(let model) = trainer.critic else { return [] }
        return try model.parameters.flatMap { try $0.tensor.detach().floats() }
    }

    @Test(arguments: [DType.float32, .bfloat16]) func thePolicyStaysUntilItIsOver(dtype: DType) throws {
        let trainer = try Bench.trainer(settings, dtype: dtype)
        let policy = try trainer.policy.safetensorsData()
        for number in 0..<2 {
            let before = try values(trainer)
            let report = try step(trainer)
            #expect(try trainer.policy.safetensorsData() == policy)
            #expect(try values(trainer) != before)
            // The version still counts, since the next step's answers are sampled from it.
            #expect(trainer.state.step == number + 1)
            #expect(report.metrics[Metric.criticWarmup] == 1)
            #expect(report.metrics[Metric.updates] == 16 && report.metrics[Metric.skippedUpdates] == 0)
            #expect(report.metrics[Metric.valueLoss].map { $0 > 0 } == true)
            #expect(
                report.metrics[Metric.criticRate].map { abs($0 - 3e-3 / 48 * Double(16 * number + 16)) < 1e-9 } == true)
            // Figures of an update that was not made are not reported as 0.
            for name in [Metric.policyLoss, Metric.ratioMean, Metric.entropy, Metric.policyRate, Metric.firstRatio] {
                #expect(report.metrics[name] == nil, "\(name)")
            }
            #expect(report.metrics[Metric.sequenceKL1] != nil)
            #expect(trainer.state.controller.beta == 0.1)
        }
        #expect(trainer.policyOptimizer.steps == 0)
        let report = try step(trainer)
        #expect(try trainer.policy.safetensorsData() != policy)
        #expect(report.metrics[Metric.criticWarmup] == 0)
        #expect(trainer.state.controller.beta != 0.1)
        // The policy's own schedule begins now: 16 of the 32 updates of its warm-up are made.
        let made = try #require(report.metrics[Metric.updates])
        #expect(report.metrics[Metric.policyRate].map { abs($0 - 3e-3 / 32 * made) < 1e-9 } == true)
    }

    @Test func aRunResumedInTheMiddleIsBitIdentical() throws {
        try Bench.inTemporaryDirectory { root in
            let whole = try Bench.trainer(settings)
            _ = try step(whole)
            let store = CheckpointStore(directory: root.appending(path: "checkpoints"), keep: 2)
            try store.write(step: 1) { try whole.saveCheckpoint(to: $0) }
            for _ in 0..<3 { _ = try step(whole) }
            let resumed = try Bench.trainer(settings)
            try resumed.loadCheckpoint(from: #require(store.latest()).url)
            for _ in 0..<3 { _ = try step(resumed) }
            #expect(try resumed.policy.safetensorsData() == whole.policy.safetensorsData())
            #expect(try values(resumed) == values(whole))
            #expect(resumed.state == whole.state)
        }
    }

    @Test func itNeedsACriticOfItsOwn() {
        var shared = settings
        shared.ppo.critic = .shared
        #expect(throws: ConfigurationError.self) { try shared.check() }
        var none = settings
        none.ppo.advantage = .rloo
        #expect(throws: ConfigurationError.self) { try none.check() }
    }

    /// Limits of the run that goes on, not of the one that wrote the checkpoint.
    @Test func aResumedRunHasItsOwnLimits() throws {
        var former = settings
        former.ppo.kl.fix(0.5)
        var next = settings
        next.ppo.kl.fix(0.2)
        next.ppo.targetKL = 0.7
        next.ppo.drift.truncatedAlarm = 0.1
        let state = TrainerState(settings: former).resumed(with: next)
        #expect(state.controller.beta == 0.2 && state.updateGuard.targetKL == 0.7)
        #expect(state.drift.thresholds.truncatedAlarm == 0.1)
        // An adaptive controller goes on from the beta it reached.
        next.ppo.kl.adapt(from: 0.1, target: 3, horizon: 50)
        var adaptive = TrainerState(settings: settings)
        adaptive.controller.update(sequenceKL: 100, samples: 50)
        let reached = adaptive.controller.beta
        #expect(reached > 0.1)
        #expect(
            adaptive.resumed(with: next).controller == .adaptive(AdaptiveKL(beta: reached, target: 3, horizon: 50)))
    }
}
