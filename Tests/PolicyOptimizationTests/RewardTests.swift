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

    @Test func missingEOSPolicies() throws {
        func shaped(_ policy: MissingEOS, ended: Bool = false) -> Double? {
            ScoreShaping(missingEOS: policy).shape(8, ended: ended, length: 3)
        }
        #expect(shaped(.subtract(1)) == 4)
        #expect(shaped(.replace(-1)) == -1)
        #expect(shaped(.scale(0.5)) == 2.5)
        #expect(shaped(.mask) == nil)
        #expect(shaped(.mask, ended: true) == 5)
        #expect(try MissingEOS.named("scale", amount: 0.5) == .scale(0.5))
        #expect(throws: PolicyOptimizationError.self) { try MissingEOS.named("drop", amount: nil) }
    }

    @Test func clipComesBeforeThePenalties() {
        let shaping = ScoreShaping(
            clip: 5, missingEOS: .subtract(1), overlong: OverlongPenalty(maximum: 100, cache: 20))
        #expect(shaping.shape(100, ended: false, length: 90) == 3.5)
        #expect(ScoreShaping(clip: nil).shape(-100, ended: true, length: 1) == -100)
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
