import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Learner

@Suite struct SettingsTests {
    @Test func defaultsOfTheFileAreThoseOfTheArithmetic() throws {
        var run = RunConfiguration()
        run.ppo.steps = 10
        let settings = PPOSettings(run)
        var expected = PPOSettings()
        expected.policyRate = LearningRateSchedule(peak: 3e-6, total: 160)
        expected.criticRate = LearningRateSchedule(peak: 5e-6, total: 160)
        expected.rewardWeights = settings.rewardWeights
        expected.seed = run.seed
        expected.drift = settings.drift
        #expect(settings == expected)
        #expect(abs(settings.drift.lengthRatio.lowerBound - 1.0 / 3) < 1e-12)
        try settings.validate()
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
        run.ppo.drift.clippedScoresAlarm = nil
        let settings = PPOSettings(run)
        #expect(settings.losses.objective == .cispo && settings.losses.aggregation == .constantLength(77))
        #expect(settings.losses.clipHigh == 4 && !settings.scalesGroups && settings.valueLambda == 1)
        #expect(settings.criticWarmupSteps == 3 && settings.adam.decays == .all)
        #expect(settings.klInLoss && settings.losses.klEstimator == .k3)
        #expect(settings.drift.clippedScores > 1)
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
        run.ppo.drift.repeated4gramAlarm = nil
        run.ppo.schedule = .cosine
        run.schedule.mode = .lag
        run.schedule.lag = 5
        let settings = PPOSettings(run)
        #expect(settings.estimator == .reinforcePlusPlus)
        #expect(settings.controller == .adaptive(AdaptiveKL()))
        #expect(settings.klInLoss)
        #expect(settings.scoreShaping.missingEOS == .replace(-2))
        #expect(settings.adam.placement == .tensorflow)
        #expect(settings.losses.logRatioBound == .infinity)
        #expect(settings.drift.repeated4 > 1)
        #expect(settings.policyRate.decay == .cosine)
        #expect(PPOSettings.keptCheckpoints(run) == 7)
    }
}
