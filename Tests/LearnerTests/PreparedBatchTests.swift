import ClusterModel
import PolicyOptimization
import RunConfiguration
import Testing

@testable import Learner

@Suite struct PreparedBatchTests {
    static func sample(
        row: Int = 0, occurrence: Int = 0, sample: Int = 0, tokens: Int = 4, reward: Float? = 1,
        finish: FinishReason = .eos,
        mask: [UInt8]? = nil, shift: Float = 0
    ) -> RolloutSample {
        RolloutSample(
            trajectory: Trajectory(
                row: row, occurrence: occurrence, sample: sample, promptTokens: [1, 2],
                responseTokens: (0..<Int32(tokens)).map { $0 + 3 },
                mask: mask ?? [UInt8](repeating: 1, count: tokens),
                logProbabilities: [Float](repeating: -1, count: tokens),
                versions: [UInt32](repeating: 0, count: tokens), finish: finish, promptText: "", responseText: ""),
            reference: [Float](repeating: -1 - shift, count: tokens), rewards: ["score": reward])
    }

    func prepared(_ samples: [RolloutSample], _ settings: PPOSettings = PPOSettings(), beta: Double = 0) throws
        -> PreparedBatch
    {
        var moments = RunningMoments()
        var batch = PreparedBatch(samples, settings: settings, moments: &moments)
        let zero = batch.mask.map { $0.map { _ in 0.0 } }
        try batch.finish(old: batch.rows.map(\.behaviour), values: zero, settings: settings, beta: beta)
        return batch
    }

    /// Neither by arrival nor by how a prompt's samples were spread over jobs.
    @Test func orderIsByPromptAndSample() throws {
        func job(_ index: Int, _ keys: [(row: Int, occurrence: Int, sample: Int)]) -> RolloutJob {
            RolloutJob(
                index: index,
                trajectories: keys.map {
                    Self.sample(row: $0.row, occurrence: $0.occurrence, sample: $0.sample).trajectory
                },
                scores: Scores(
                    referenceLogProbabilities: keys.map { _ in [-1, -1, -1, -1] },
                    rewards: ["score": keys.map { Float($0.row * 100 + $0.occurrence * 10 + $0.sample) }]))
        }
        let one = try Rollouts.samples([job(1, [(9, 0, 1), (9, 1, 0), (9, 0, 0), (2, 0, 0)]), job(0, [(9, 1, 1)])])
        let two = try Rollouts.samples([
            job(0, [(2, 0, 0), (9, 0, 0)]), job(2, [(9, 1, 0), (9, 1, 1)]), job(1, [(9, 0, 1)]),
        ])
        #expect(one == two)
        #expect(one.map { $0.rewards["score"] } == [200, 900, 901, 910, 911])
    }

    /// A prompt that stands twice in a step makes two groups: each answer is compared with those of its own.
    @Test(arguments: [PPOSection.Advantage.rloo, .grpo]) func copiesOfAPromptAreGroupsOfTheirOwn(
        _ estimator: PPOSection.Advantage
    ) throws {
        var settings = PPOSettings()
        settings.ppo.advantage = estimator
        settings.ppo.normaliseRewards = false
        settings.ppo.rewardClip = nil
        let samples = [(0, 0, 1.0), (0, 1, 3.0), (1, 0, 10.0), (1, 1, 20.0)].map { occurrence, sample, reward in
            Self.sample(row: 4, occurrence: occurrence, sample: sample, reward: Float(reward))
        }
        let batch = try prepared(samples, settings)
        let first = batch.advantages.map { $0[0] }
        // Two answers: each less the other, or one deviation (difference / sqrt 2) apart.
        let expected = estimator == .rloo ? [-2.0, 2, -10, 10] : [-0.5, 0.5, -0.5, 0.5].map { $0 * 2.0.squareRoot() }
        for (value, right) in zip(first, expected) { #expect(abs(value - right) < 1e-5, "\(first)") }
    }

    @Test func jobsThatContradictThemselvesAreRefused() {
        let trajectory = Self.sample().trajectory
        let short = RolloutJob(index: 0, trajectories: [trajectory], scores: Scores(rewards: ["score": []]))
        #expect(throws: LearnerError.self) { try Rollouts.samples([short]) }
        let references = RolloutJob(
            index: 0, trajectories: [trajectory], scores: Scores(referenceLogProbabilities: [[], []]))
        #expect(throws: LearnerError.self) { try Rollouts.samples([references]) }
    }

    @Test func samplesThatDoNotFitTheModelAreRefused() {
        func refused(_ change: (inout RolloutSample) -> Void) -> Bool {
            var sample = Self.sample()
            change(&sample)
            do {
                try Rollouts.validate([sample], vocabulary: 10, context: 16, needsReference: true)
                return false
            } catch { return error is LearnerError }
        }
        #expect(!refused { _ in })
        #expect(refused { $0.trajectory.responseTokens[0] = 10 })
        #expect(refused { $0.trajectory.responseTokens[0] = -1 })
        #expect(refused { $0.trajectory.promptTokens = [] })
        #expect(refused { $0.trajectory.promptTokens = [Int32](repeating: 1, count: 13) })
        #expect(refused { $0.trajectory.mask.removeLast() })
        #expect(refused { $0.reference.removeLast() })
    }

    @Test func failedRewardsAreDroppedAndCountedNeverZero() throws {
        let batch = try prepared([
            Self.sample(reward: nil), Self.sample(row: 1), Self.sample(row: 2, reward: .nan),
            Self.sample(row: 3, mask: [0, 0, 0, 0]), Self.sample(row: 4, tokens: 0),
        ])
        #expect(batch.rows.map(\.sample.trajectory.row) == [1])
        #expect(batch.droppedNoReward == 2)
        #expect(batch.droppedEmpty == 2)
    }

    @Test func constantRewardTeachesNothing() throws {
        var settings = PPOSettings()
        settings.ppo.gamma = 1
        settings.ppo.lambda = 1
        let batch = try prepared((0..<4).map { Self.sample(row: $0) }, settings)
        #expect(batch.advantages.allSatisfy { $0.allSatisfy { abs($0) < 1e-9 } })
    }

    @Test func klPenaltyIsOnEveryTokenAndTheScoreOnTheLast() throws {
        let batch = try prepared([Self.sample(shift: 0.5)], beta: 0.1)
        #expect(zip(batch.tokenRewards[0], [-0.05, -0.05, -0.05, 0.95]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func answersWithoutEOSMayLeaveTheMask() throws {
        var settings = PPOSettings()
        settings.ppo.missingEOS = .mask
        let batch = try prepared([Self.sample(finish: .length), Self.sample(row: 1)], settings)
        #expect(batch.tokens == 4)
        #expect(batch.advantages[0] == [0, 0, 0, 0])
    }

    @Test func groupEstimatorsGiveEveryTokenTheAnswersAdvantage() throws {
        var settings = PPOSettings()
        settings.ppo.advantage = .rloo
        let batch = try prepared(
            [
                Self.sample(row: 7, sample: 0, reward: 1),
                Self.sample(row: 7, sample: 1, reward: 3, mask: [1, 1, 0, 1]),
            ],
            settings)
        #expect(batch.advantages == [[-2, -2, -2, -2], [2, 2, 0, 2]])
        settings.ppo.advantage = .grpo
        let grpo = try prepared(
            [Self.sample(row: 7, sample: 0, reward: 1), Self.sample(row: 7, sample: 1, reward: 3)], settings)
        #expect(abs(grpo.advantages[1][0] - 0.7071) < 1e-3)
        settings.ppo.advantage = .reinforcePlusPlus
        let plus = try prepared(
            [Self.sample(row: 1, reward: 1), Self.sample(row: 2, reward: 3)], settings)
        let moments = Masked.moments(plus.advantages, plus.mask)
        #expect(abs(moments.mean) < 1e-9 && abs(moments.variance - 1) < 1e-6)
    }

    @Test func weightsOfNamedRewards() throws {
        var settings = PPOSettings()
        settings.rewardWeights = ["score": 2, "length": -0.5]
        var sample = Self.sample(reward: 1.5)
        sample.rewards["length"] = 2
        let batch = try prepared([sample], settings)
        #expect(batch.rows[0].rawScore == 2)
    }

    @Test func settingsThatCannotWorkAreNamed() {
        var settings = PPOSettings()
        settings.ppo.advantage = .rloo
        settings.ppo.critic = .shared
        #expect(throws: ConfigurationError.self) { try settings.check() }
        settings = PPOSettings()
        settings.rollout.temperature = 0
        #expect(throws: ConfigurationError.self) { try settings.check() }
    }
}
