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
