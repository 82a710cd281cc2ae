import RunConfiguration
import Testing

@testable import PolicyOptimization

@Suite struct RewardTests {
    @Test func scoreStandsOnTheLastTokenOfTheMask() throws {
        let rewards = try TokenRewards.make(
            score: 2, logProbabilities: [-1, -1, -1, -9], reference: [-1, -2, -1.5, 0], mask: [1, 1, 1, 0], beta: 0.1)
        #expect(PublishedNumbers.close(rewards, [0, -0.1, 1.95, 0]))
    }

    @Test func noScoreNoReward() throws {
        let rewards = try TokenRewards.make(
            score: nil, logProbabilities: [-1], reference: [-1], mask: [0], beta: 0.1)
        #expect(rewards == [0])
    }

    @Test func missingEOSPolicies() {
        func shaped(_ policy: PPOSection.MissingEOS, _ penalty: Double = 1, ended: Bool = false) -> Double? {
            var ppo = PPOSection()
            (ppo.missingEOS, ppo.missingEOSPenalty) = (policy, penalty)
            return ScoreShaping(ppo).shape(8, ended: ended, length: 3)
        }
        #expect(shaped(.subtract) == 4)
        #expect(shaped(.set) == -1)
        #expect(shaped(.scale, 0.5) == 2.5)
        #expect(shaped(.mask) == nil)
        #expect(shaped(.mask, ended: true) == 5)
    }

    @Test func clipComesBeforeThePenalties() {
        var ppo = PPOSection()
        ppo.overlong = OverlongSection(maximum: 100, cache: 20)
        #expect(ScoreShaping(ppo).shape(100, ended: false, length: 90) == 3.5)
        ppo = PPOSection()
        ppo.rewardClip = nil
        #expect(ScoreShaping(ppo).shape(-100, ended: true, length: 1) == -100)
    }

    @Test func runningMomentsEqualThoseOfAllValues() {
        var running = RunningMoments()
        running.add([1, 2, 3])
        running.add([])
        running.add([10, .nan])
        running.add([-4, 0.5])
        let whole = Moments([1, 2, 3, 10, -4, 0.5])
        #expect(abs(running.mean - whole.mean) < 1e-12)
        #expect(abs(running.deviation - whole.deviation) < 1e-12)
        #expect(abs(running.normalized(whole.mean)) < 1e-12)
    }
}
