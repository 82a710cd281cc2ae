import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Learner

@Suite struct SettingsTests {
    @Test func whatFollowsFromTheDefaults() throws {
        var run = RunConfiguration()
        run.ppo.steps = 10
        let settings = PPOSettings(run)
        #expect(settings.policyRate == LearningRateSchedule(peak: 3e-6, total: 160))
        #expect(settings.criticRate == LearningRateSchedule(peak: 5e-6, total: 160))
        #expect(settings.adam == AdamW.Settings())
        #expect(settings.losses == PolicyLossSettings())
        #expect(settings.losses.logRatioBound == 20 && settings.losses.behaviourCap == 2)
        #expect(settings.updateGuard == UpdateGuard(targetKL: 0.1, maximumMeanRatio: 10))
        #expect(settings.controller == .fixed(beta: 0.05))
        try settings.check()
    }

    /// Bounds of keys hold for values that no run file gave, by the rules of the file.
    @Test func valuesOutOfBoundsAreRefusedByName() {
        let changes: [(String, (inout PPOSettings) -> Void)] = [
            ("ppo.epochs", { $0.ppo.epochs = 0 }), ("ppo.clip", { $0.ppo.clip = .nan }),
            ("ppo.dual_clip", { $0.ppo.dualClip = 1 }), ("ppo.kl.target", { $0.ppo.kl.target = -.infinity }),
            ("ppo.betas", { $0.ppo.betas = [] }), ("ppo.guard.window", { $0.ppo.drift.window = 0 }),
            ("ppo.clip_norm", { $0.ppo.clipNorm = .infinity }), ("ppo.steps", { $0.ppo.steps = .max }),
            ("rollout.temperature", { $0.rollout.temperature = 0 }),
            ("ppo.group_scale", { $0.ppo.groupScale = false }),
        ]
        for (key, change) in changes {
            var settings = PPOSettings()
            change(&settings)
            #expect { try settings.check() } throws: { "\($0)".contains(key) }
        }
    }

    @Test func theLossesOfOtherMethodsArrive() throws {
        var run = RunConfiguration()
        run.ppo.policyLoss = .cispo
        run.ppo.lossAggregation = .constantLength
        run.rollout.maxNewTokens = 77
        run.ppo.clipHigh = 4
        run.ppo.groupScale = false
        run.ppo.valueLambda = 1
        run.ppo.criticWarmupSteps = 3
        run.ppo.steps = 10
        run.ppo.weightDecayOn = .all
        run.ppo.kl.place = .loss
        run.ppo.kl.estimator = .k3
        let settings = PPOSettings(run)
        #expect(settings.losses.objective == .cispo && settings.losses.aggregation == .constantLength(77))
        #expect(settings.losses.clipHigh == 4)
        #expect(settings.adam.decays == .all)
        #expect(settings.klIsLoss && settings.losses.klEstimator == .k3)
        // The policy's schedule is as long as the policy learns.
        #expect(settings.policyRate.total == 112 && settings.criticRate.total == 160)
    }

    @Test func everyChoiceArrives() throws {
        var run = RunConfiguration()
        run.ppo.advantage = .reinforcePlusPlus
        run.ppo.kl.controller = .adaptive
        run.ppo.kl.place = .loss
        run.ppo.missingEOS = .set
        run.ppo.missingEOSPenalty = 2
        run.ppo.adam = .tensorflow
        run.ppo.clipLogRatio = nil
        run.ppo.schedule = .cosine
        run.schedule.mode = .lag
        run.schedule.lag = 5
        let settings = PPOSettings(run)
        #expect(settings.controller == .adaptive(AdaptiveKL(beta: 0.15, target: 6, horizon: 10_000)))
        #expect(settings.klIsLoss)
        #expect(settings.scoreShaping.shape(5, ended: false, length: 1) == -2)
        #expect(settings.adam.placement == .tensorflow)
        #expect(settings.losses.logRatioBound == .infinity)
        #expect(settings.policyRate.decay == .cosine)
    }
}
