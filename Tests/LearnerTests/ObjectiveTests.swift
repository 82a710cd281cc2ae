import ClusterModel
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Learner

/// Whole steps of the trainer with each objective and aggregation.
@Suite(.serialized) struct ObjectiveTests {
    struct Variant: Sendable, CustomStringConvertible {
        var objective: PPOSection.PolicyLoss
        var aggregation: PPOSection.LossAggregation
        var estimator = PPOSection.Advantage.grpo
        var scaled = true

        var description: String { "\(objective) \(aggregation) \(estimator)" }

        var settings: PPOSettings {
            var settings = Bench.settings()
            settings.ppo.advantage = estimator
            settings.ppo.groupScale = scaled
            settings.ppo.policyLoss = objective
            settings.ppo.lossAggregation = aggregation
            settings.rollout.maxNewTokens = 6
            return settings
        }
    }

    static let variants: [Variant] = [
        Variant(objective: .ppo, aggregation: .sequenceMean),
        Variant(objective: .ppo, aggregation: .constantLength, scaled: false),
        Variant(objective: .gspo, aggregation: .sequenceMean),
        Variant(objective: .gspo, aggregation: .tokenMean, estimator: .gae),
        Variant(objective: .cispo, aggregation: .tokenMean),
    ]

    @Test(arguments: [variants[1], variants[2], variants[4]]) func rewardRises(variant: Variant) throws {
        var settings = variant.settings
        settings.ppo.kl.fix(0.01)
        let trainer = try Bench.trainer(settings)
        let reference = try Bench.policy()
        let rewards = try (0..<12).map { step in
            let batch = try Bench.rollout(
                trainer.policy, reference: reference, step: step, version: step, samples: 4, reward: Bench.evenness)
            return try #require(trainer.update(batch).metrics[Metric.rewardMean])
        }
        let (early, late) = (rewards.prefix(3).reduce(0, +) / 3, rewards.suffix(3).reduce(0, +) / 3)
        #expect(late > early + 0.1, "\(rewards)")
    }

    /// The gradient before clipping, by its norm, which Adam's first steps would hide.
    @Test(arguments: variants) func microBatchesDoNotChangeTheGradient(variant: Variant) throws {
        func norm(budget: Int) throws -> Double {
            var settings = variant.settings
            settings.ppo.tokenBudget = budget
            settings.ppo.epochs = 1
            settings.ppo.minibatches = 1
            settings.ppo.kl.place = .loss
            settings.ppo.kl.estimator = .k3
            settings.ppo.missingEOS = .mask
            let trainer = try Bench.trainer(settings)
            var batch = try Bench.rollout(
                trainer.policy, reference: Bench.policy(seed: 2), step: 0, version: 0, reward: Bench.evenness)
            for index in batch.indices { batch[index].trajectory.finish = index % 5 == 0 ? .length : .eos }
            return try #require(trainer.update(batch).metrics[Metric.policyGradientNorm])
        }
        let (whole, parts) = (try norm(budget: 100_000), try norm(budget: 16))
        #expect(whole > 0 && abs(whole - parts) < 1e-4 * whole, "\(whole) and \(parts)")
    }
}
