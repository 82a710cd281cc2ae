import ClusterModel
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Learner

/// Answers that `missing_eos: mask` leaves out of the learning must enter no statistic that anything is learned from,
/// least of all as 0.
@Suite(.serialized) struct MaskedAnswersTests {
    var masking: PPOSettings {
        var settings = Bench.settings()
        settings.ppo.missingEOS = .mask
        return settings
    }

    func prepared(_ samples: [RolloutSample], _ settings: PPOSettings, beta: Double = 0) throws
        -> (batch: PreparedBatch, moments: RunningMoments)
    {
        var moments = RunningMoments()
        var batch = PreparedBatch(samples, settings: settings, moments: &moments)
        let zero = batch.mask.map { $0.map { _ in 0.0 } }
        try batch.finish(old: batch.rows.map(\.behaviour), values: zero, settings: settings, beta: beta)
        return (batch, moments)
    }

    func sample(_ sample: Int, _ reward: Float, cut: Bool = false, shift: Float = 0) -> RolloutSample {
        PreparedBatchTests.sample(sample: sample, reward: reward, finish: cut ? .length : .eos, shift: shift)
    }

    @Test(arguments: [PPOSection.Advantage.rloo, .grpo], [0.0, 0.1])
    func groupsAreOfAnswersThatAreLearnedFrom(estimator: PPOSection.Advantage, beta: Double) throws {
        var settings = masking
        settings.ppo.advantage = estimator
        let samples = [sample(0, 1, shift: 0.5), sample(1, 1, shift: 0.5), sample(2, 5, cut: true, shift: -2)]
        let batch = try prepared(samples, settings, beta: beta).batch
        #expect(batch.advantages.allSatisfy { $0.allSatisfy { abs($0) < 1e-9 } }, "\(batch.advantages)")
        #expect(batch.withoutComparison == 0 && batch.groupsWithoutSpread == 1)
        // Without the rule the cut answer is one of the group.
        (settings.ppo.missingEOS, settings.ppo.missingEOSPenalty) = (.subtract, 0)
        let whole = try prepared(samples, settings, beta: beta).batch
        #expect(whole.advantages[0][0] < -0.5 && whole.advantages[2][0] > 0.5 && whole.groupsWithoutSpread == 0)
    }

    @Test func anAnswerThatIsLeftAloneIsCountedAndLearnsNothing() throws {
        var settings = masking
        settings.ppo.advantage = .rloo
        let (batch, moments) = try prepared([sample(0, 3), sample(1, 5, cut: true)], settings)
        #expect(batch.advantages == [[0, 0, 0, 0], [0, 0, 0, 0]])
        #expect(batch.withoutComparison == 1 && batch.groupsWithoutSpread == nil)
        #expect(moments == RunningMoments())
        var report = StepReport(step: 0)
        report.describe(batch, values: [], settings: settings, version: 0)
        #expect(report.metrics[Metric.withoutComparison] == 1)
        #expect(report.notes.contains { $0.contains("advantage 0") })
    }

    @Test func groupScaleIsAChoice() throws {
        var settings = masking
        settings.ppo.advantage = .grpo
        settings.ppo.groupScale = false
        let batch = try prepared([sample(0, 1), sample(1, 4), sample(2, 9, cut: true)], settings).batch
        #expect(batch.advantages == [[-1.5, -1.5, -1.5, -1.5], [1.5, 1.5, 1.5, 1.5], [0, 0, 0, 0]])
    }

    @Test func klIsOfAnswersThatAreLearnedFrom() throws {
        // Four tokens, half a nat each, in two answers; the cut one has 8 nats.
        let samples = [sample(0, 1, shift: 0.5), sample(1, 2, shift: 0.5), sample(2, 3, cut: true, shift: 2)]
        let batch = try prepared(samples, masking).batch
        var report = StepReport(step: 0)
        report.describe(batch, values: [], settings: masking, version: 0)
        #expect(report.metrics[Metric.sequenceKL1].map { abs($0 - 2) < 1e-6 } == true)
        #expect(report.metrics[Metric.maskedAnswers] == 1)
        // The reward is of all answers: what the reward functions said of the policy.
        #expect(report.metrics[Metric.rewardMean] == 2)
    }

    @Test func scoresAreNormalisedByThoseThatEnter() throws {
        var settings = masking
        settings.ppo.normaliseRewards = true
        let empty = PreparedBatchTests.sample(sample: 4, reward: 1000, mask: [0, 0, 0, 0])
        let (batch, moments) = try prepared([sample(0, 1), sample(1, 3), sample(2, 100, cut: true), empty], settings)
        #expect(moments.count == 2 && moments.mean == 2)
        #expect(batch.rows.map { $0.score.map { ($0 * 100).rounded() } } == [-71, 71, nil])
    }

    @Test func clippedScoresAreCountedAndAlarm() throws {
        var settings = masking
        settings.ppo.rewardClip = 5
        func report(_ scores: [Float]) throws -> StepReport {
            let samples = scores.enumerated().map { sample($0, $1) } + [sample(99, 100, cut: true)]
            let batch = try prepared(samples, settings).batch
            var report = StepReport(step: 0)
            report.describe(batch, values: [], settings: settings, version: 0)
            var state = TrainerState(settings: settings)
            report.watch(batch, state: &state, settings: settings)
            return report
        }
        // One of ten is a tenth, which is not above it; the masked answer's score enters nothing and is not counted.
        let tenth = try report([6, 1, 1, 1, 1, 1, 1, 1, 1, 1])
        #expect(tenth.metrics[Metric.clippedScores] == 0.1)
        #expect(!tenth.alarms.map(\.code).contains(.clippedScores))
        let fifth = try report([-6, 6, 5, 1, 1, 1, 1, 1, 1, 1])
        #expect(fifth.metrics[Metric.clippedScores] == 0.2)
        let alarm = try #require(fifth.alarms.first { $0.code == .clippedScores })
        #expect(alarm.detail.contains("ppo.reward_clip") && alarm.detail.contains("20 %"))
        settings.ppo.rewardClip = nil
        #expect(try report([-6, 6, 1]).metrics[Metric.clippedScores] == 0)
    }

    @Test func aRewardThatIsNoNumberHidesNoOther() throws {
        var samples = [sample(0, 1), sample(1, 2), sample(2, 3)]
        samples[0].rewards["gold"] = Float.nan
        samples[1].rewards["gold"] = 4
        samples[2].rewards["gold"] = Float?.none
        var settings = masking
        settings.ppo.drift.heldOutReward = "gold"
        let batch = try prepared(samples, settings).batch
        var report = StepReport(step: 0)
        report.describe(batch, values: [], settings: settings, version: 0)
        #expect(batch.rows.count == 3)
        #expect(report.metrics[Metric.rewardPart("gold")] == 4)
    }

    // MARK: Whole steps

    /// 16 answers, of which those of `kept` end by themselves.
    func rollout(_ trainer: PPOTrainer, kept: Range<Int>) throws -> [RolloutSample] {
        var samples = try Bench.rollout(
            trainer.policy, reference: Bench.policy(), step: trainer.state.step, version: trainer.state.step,
            reward: Bench.evenness)
        for index in samples.indices { samples[index].trajectory.finish = kept.contains(index) ? .eos : .length }
        return samples
    }

    @Test func aStepOfCutAnswersAloneLeavesThePolicyAsItIs() throws {
        let trainer = try Bench.trainer(masking)
        let before = try trainer.policy.logits(tokens: [[2, 3, 4]]).floats()
        let report = try trainer.update(rollout(trainer, kept: 0..<0))
        #expect(report.alarms.map(\.code) == [.nothingLearned])
        #expect(report.alarms.first?.detail.contains("16 cut by the length limit") == true)
        #expect(trainer.state.step == 1 && report.metrics[Metric.globalStep] == 1)
        #expect(try trainer.policy.logits(tokens: [[2, 3, 4]]).floats() == before)
        // The next step learns as if nothing had been.
        #expect(try trainer.update(rollout(trainer, kept: 0..<16)).metrics[Metric.updates] ?? 0 > 0)
    }

    @Test func minibatchesAreOfAnswersThatAreLearnedFrom() throws {
        var settings = masking
        settings.ppo.epochs = 1
        settings.ppo.targetKL = nil
        let trainer = try Bench.trainer(settings)
        let report = try trainer.update(rollout(trainer, kept: 3..<7))
        // Four answers make four minibatches of one.
        #expect(report.metrics[Metric.updates] == 4)
    }

    @Test func theControllerCountsAnswersThatAreLearnedFrom() throws {
        var settings = masking
        settings.ppo.kl.adapt(from: 0.1, target: 6, horizon: 100)
        let trainer = try Bench.trainer(settings)
        _ = try trainer.update(rollout(trainer, kept: 0..<5))
        // The policy is its reference still: the error is at its lower bound.
        #expect(abs(trainer.state.controller.beta - 0.1 * (1 - 0.2 * 5 / 100)) < 1e-12)
    }

    @Test func aMissingReferenceIsNoKLOfZero() throws {
        var settings = masking
        settings.ppo.kl.fix(0.1)
        func update(_ settings: PPOSettings) throws -> StepReport {
            let trainer = try Bench.trainer(settings)
            var samples = try rollout(trainer, kept: 0..<16)
            for index in samples.indices { samples[index].reference = [] }
            return try trainer.update(samples)
        }
        #expect(throws: LearnerError.self) { try update(settings) }
        settings.ppo.kl.fix(0)
        let report = try update(settings)
        #expect(report.metrics[Metric.sequenceKL1] == nil && report.metrics[Metric.sequenceKL3] == nil)
        #expect(report.metrics[Metric.updates].map { $0 > 0 } == true)
    }
}
