import ClusterModel
import Foundation
import Testing

@testable import RunConfiguration

/// The keys of adapters, early stopping and checkpoints.
@Suite struct AdapterKeyTests {
    private func problems(_ text: String) -> String {
        do {
            try RunConfiguration.parse(text).check()
            return ""
        } catch { return "\(error)" }
    }

    @Test func adaptersAreReadInEverySection() throws {
        let run = try RunConfiguration.parse(
            """
            sft: {lora: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}, patience: 3, evaluate_every: 10}
            reward_model: {lora: {targets: all-linear}, checkpoint_every: 5}
            ppo: {lora: {}, shared_base: false}
            """)
        #expect(run.sft.lora?.rank == 4 && run.sft.lora?.targets == ["q_proj", "v_proj"])
        #expect(run.sft.patience == 3 && run.sft.evaluateEvery == 10 && run.sft.validates)
        #expect(run.rewardModel.training.lora?.targets == ["all-linear"])
        #expect(run.rewardModel.training.checkpointEvery == 5)
        #expect(run.ppo.lora == LoRASection() && run.ppo.sharedBase == false && !run.ppo.sharesBase)
        #expect(run.pretrain.lora == nil)
        #expect(try RunConfiguration.parse(run.resolvedYAML()) == run)
        #expect(try RunConfiguration(run.setups().learner) == run)
        #expect(try RunConfiguration.parse("", overrides: ["ppo.lora.rank=2"]).ppo.sharesBase)
    }

    @Test(arguments: [
        ("sft: {lora: {rnak: 4}}", "sft.lora.rnak"), ("sft: {lora: {rank: 0}}", "sft.lora.rank"),
        ("ppo: {lora: {targets: []}}", "ppo.lora.targets"), ("ppo: {lora: {targets: [all-linear, x]}}", "all-linear"),
        ("ppo: {lora: {alpha: 0}}", "ppo.lora.alpha"), ("sft: {patience: 0}", "sft.patience"),
        ("sft: {checkpoint_every: -1}", "sft.checkpoint_every"),
    ])
    func wrongKeysAndValuesAreNamed(_ text: String, _ key: String) {
        #expect(problems(text).contains(key), "\(problems(text))")
    }

    @Test func whatDoesNotGoTogetherIsSaid() {
        #expect(problems("ppo: {shared_base: true}").contains("ppo.shared_base: needs ppo.lora"))
        #expect(problems("ppo: {shared_reference: true}").contains("ppo.shared_reference: needs ppo.lora"))
        #expect(!problems("ppo: {shared_base: false}").contains("ppo.shared_base"))
        #expect(
            problems("stages: [pretrain]\narchitecture: {}\npretrain: {lora: {}}").contains("pretrain.lora"))
        #expect(
            problems("stages: [sft]\nsft: {patience: 2, validation_fraction: 0}").contains("sft.validation_fraction"))
        #expect(problems("stages: [reward_model]\nreward_model: {packing: true}").contains("reward_model.packing"))
        let all = "stages: [reward_model, ppo]\nmodels: {base: /m}\nppo: {lora: {}}"
        #expect(problems(all).contains("ppo.critic_from: the reward model is no adapter"))
        #expect(!problems(all + "\nreward_model: {lora: {}}").contains("ppo.critic_from"))
        #expect(!problems(all.replacing("{lora: {}}", with: "{lora: {}, critic_from: policy}")).contains("no adapter"))
        #expect(!problems(all.replacing("{lora: {}}", with: "{lora: {}, shared_base: false}")).contains("no adapter"))
    }
}
