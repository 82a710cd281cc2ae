import Foundation
import LanguageModels
import RunConfiguration
import Testing
import Torch

@testable import Learner

/// PPO with adapters: what is shared, what is trained, and what a trainer's models are made from.
@Suite struct AdapterTrainerTests {
    private let lora = LoRAConfiguration(rank: 2, alpha: 8)

    @Test func policyCriticAndReferenceUseOneBaseThatNeverChanges() throws {
        let base = try Bench.policy()
        let before = try base.safetensorsData()
        let policy = try CausalLM(
            sharing: base, adapter: LowRankAdapter(lora, for: base.configuration, seed: 1))
        let critic = try ValueModel(from: base, adapter: LowRankAdapter(lora, for: base.configuration, seed: 2))
        let trainer = try PPOTrainer(policy: policy, critic: .separate(critic), settings: Bench.settings())
        let adapters = try (policy.safetensorsData(), critic.files())
        for step in 0..<2 {
            let samples = try noGrad {
                try Bench.rollout(policy, reference: base, step: step, version: step, reward: Bench.evenness)
            }
            let report = try trainer.update(samples)
            #expect(report.metrics[Metric.logProbabilityDifference].map { $0 < 1e-3 } == true)
            if step == 0 { #expect(report.metrics[Metric.sequenceKL1].map { abs($0) < 1e-6 } == true) }
        }
        #expect(try policy.safetensorsData() != adapters.0)
        #expect(try critic.files() != adapters.1)
        // The adapter off is the reference, still as it was.
        #expect(try base.safetensorsData() == before)
        #expect(try CausalLM(sharing: policy, adapter: nil).safetensorsData() == before)
        #expect(base.parameters.allSatisfy { !$0.tensor.requiresGrad })
    }

    @Test func aHeadOnThePolicyIsTrainedBesideTheAdapter() throws {
        var settings = Bench.settings()
        settings.ppo.critic = .shared
        let base = try Bench.policy()
        let policy = try CausalLM(sharing: base, adapter: LowRankAdapter(lora, for: base.configuration, seed: 1))
        let head = try ScalarHead(hiddenSize: 16, seed: 9)
        let trainer = try PPOTrainer(policy: policy, critic: .shared(head), settings: settings)
        let samples = try Bench.rollout(policy, reference: base, step: 0, version: 0, reward: Bench.evenness)
        _ = try trainer.update(samples)
        let ahead = try Bench.rollout(policy, reference: base, step: 1, version: 1, reward: Bench.evenness)
        try Bench.inTemporaryDirectory { folder in
            try trainer.saveCheckpoint(to: folder)
            let fresh = try Bench.policy()
            let other = try PPOTrainer(
                policy: CausalLM(sharing: fresh, adapter: LowRankAdapter(lora, for: fresh.configuration, seed: 5)),
                critic: .shared(ScalarHead(hiddenSize: 16, seed: 8)), settings: settings)
            try other.loadCheckpoint(from: folder)
            _ = try trainer.update(ahead)
            _ = try other.update(ahead)
            #expect(try other.policy.safetensorsData() == trainer.policy.safetensorsData())
            // Another shape of adapter is refused.
            let narrow = try PPOTrainer(
                policy: CausalLM(
                    sharing: fresh,
                    adapter: LowRankAdapter(LoRAConfiguration(rank: 1), for: fresh.configuration, seed: 5)),
                critic: .shared(ScalarHead(hiddenSize: 16, seed: 8)), settings: settings)
            #expect(throws: LearnerError.self) { try narrow.loadCheckpoint(from: folder) }
        }
    }

    @Test func theCriticStartsFromTheRewardModelsAdapterOverTheSameBase() throws {
        try Bench.inTemporaryDirectory { folder in
            let path = folder.path + "/base"
            let base = try Bench.policy()
            try base.export(to: path)
            let adapter = try LowRankAdapter(lora, for: base.configuration, base: path, seed: 3)
            for parameter in adapter.parameters { try parameter.tensor.fill(0.05) }
            let reward = try RewardModel(from: base, adapter: adapter, seed: 4)
            (reward.mean, reward.deviation) = (0.25, 2)
            try reward.export(to: folder.path + "/reward")
            try reward.exportAdapter(to: folder.path + "/reward/adapter")
            var run = RunConfiguration()
            run.models.reward = folder.path + "/reward"
            run.ppo.lora = LoRASection()
            let trainer = try TrainerModels(run, policy: path).trainer(Bench.settings())
            guard case .separate(let critic)? = trainer.critic else {
                Issue.record("no separate critic")
                return
            }
            let rows: [[Int32]] = [[2, 5, 7, 9], [2, 4, 4]]
            let batch = try TokenBatch(rows)
            let last = try noGrad { try critic.valuesAndLast(batch).last.floats() }
            for (value, score) in try zip(last, reward.score(rows)) { #expect(abs(value - score) < 1e-4) }
            #expect(critic.trunk.embedding === trainer.policy.trunk.embedding)

            // The reference is the same weights without an adapter, and scores what scorers have not.
            #expect(trainer.reference == nil)
            run.ppo.sharedReference = true
            let sharing = try TrainerModels(run, policy: path).trainer(Bench.settings())
            #expect(sharing.reference?.trunk.embedding === sharing.policy.trunk.embedding)
            #expect(sharing.reference?.trunk.adapter == nil)
            var samples = try Bench.rollout(
                sharing.policy, reference: base, step: 0, version: 0, reward: Bench.evenness)
            let scored = try trainer.update(samples)
            for index in samples.indices { samples[index].reference = [] }
            let unscored = try sharing.update(samples)
            for name in [Metric.sequenceKL1, Metric.rewardMean, Metric.policyLoss] {
                let (a, b) = (try #require(scored.metrics[name]), try #require(unscored.metrics[name]))
                #expect(abs(a - b) < 1e-5, "\(name)")
            }
            #expect(unscored.metrics[Metric.secondsReference] != nil)

            // Over another base it would give other values: refused by name.
            try base.export(to: folder.path + "/other")
            #expect(throws: LearnerError.self) {
                try TrainerModels(run, policy: folder.path + "/other").trainer(Bench.settings())
            }
            run.ppo.lora?.targets = ["c_attn"]
            #expect {
                try TrainerModels(run, policy: path).trainer(Bench.settings())
            } throws: { "\($0)".contains("ppo.lora") && "\($0)".contains("'c_attn'") }
            run.ppo.lora = LoRASection()
            run.ppo.sharedBase = false
            let apart = try TrainerModels(run, policy: path).trainer(Bench.settings())
            guard case .separate(let whole)? = apart.critic else {
                Issue.record("the critic shares the policy's model")
                return
            }
            #expect(whole.trunk.adapter == nil && whole.trunk.embedding !== apart.policy.trunk.embedding)
        }
    }
}
