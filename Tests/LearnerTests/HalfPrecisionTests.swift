import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Evaluations
@testable import Learner

/// bf16 weights whose optimizer keeps copies in fp32.
@Suite struct HalfPrecisionTests {
    private func step(_ trainer: PPOTrainer) throws -> StepReport {
        try trainer.update(
            Bench.rollout(
                trainer.policy, reference: Bench.policy(), step: trainer.state.step, version: trainer.state.step,
                samples: 4, reward: Bench.evenness))
    }

    /// A rate at which no single change reaches the last place of a bf16 weight: without copies nothing is learned.
    @Test func smallChangesAddUp() throws {
        var settings = Bench.settings()
        settings.ppo.kl.fix(0)
        settings.ppo.learningRate = 2e-6
        let trainer = try Bench.trainer(settings, dtype: .bfloat16)
        let before = try trainer.policyMasters.copies.map { try $0.tensor.clone() }
        #expect(before.count == trainer.policy.parameters.count)
        for _ in 0..<2 { #expect(try step(trainer).alarms.isEmpty) }
        var moved = 0
        for (old, new) in zip(before, trainer.policyMasters.copies) {
            if try (new.tensor - old).abs().max().item() > 0 { moved += 1 }
        }
        #expect(moved > before.count / 2)
        // What computes is the copy, rounded.
        for (master, parameter) in zip(trainer.policyMasters.copies, trainer.policy.parameters) {
            #expect(try parameter.tensor.dtype == .bfloat16)
            #expect(try (master.tensor.to(dtype: .bfloat16) - parameter.tensor).abs().max().item() == 0)
        }
    }

    @Test func rewardRises() throws {
        var settings = Bench.settings()
        settings.ppo.kl.fix(0.01)
        let trainer = try Bench.trainer(settings, dtype: .bfloat16)
        let rewards = try (0..<12).map { _ in try #require(step(trainer).metrics[Metric.rewardMean]) }
        let (early, late) = (rewards.prefix(3).reduce(0, +) / 3, rewards.suffix(3).reduce(0, +) / 3)
        #expect(late > early + 0.1, "\(rewards)")
    }

    /// An adapter over a base of bf16 is exported and measured with that base, not with the one of the files.
    @Test func theBestPolicyHasTheBaseThatItWasTrainedOver() throws {
        try Bench.inTemporaryDirectory { root in
            let base = root.path + "/base"
            // Weights that bf16 does not hold.
            try Bench.policy().export(to: base)
            let half = try CausalLM(directory: base, dtype: .bfloat16)
            let adapter = try LowRankAdapter(
                LoRAConfiguration(rank: 2, alpha: 16, targets: ["q_proj"]), for: half.configuration, base: base, seed: 3
            )
            let policy = try CausalLM(sharing: half, adapter: adapter)
            try adapter.export(to: root.path + "/policy")
            func exported(_ dtype: DType) throws -> Data {
                let out = "\(root.path)/\(dtype)"
                try HeldOutPolicy(checkpoint: root.path + "/policy", base: base, dtype: dtype).export(
                    to: out, device: "cpu")
                #expect(AdapterFiles.isAdapter(out + "/adapter"))
                return try Data(contentsOf: URL(filePath: out + "/model.safetensors"))
            }
            #expect(try exported(.bfloat16) == policy.safetensorsData())
            #expect(try exported(.float32) != policy.safetensorsData())
            let measured = try HeldOutPolicy(checkpoint: root.path + "/policy", base: base, dtype: .bfloat16)
                .load(.cpu, .fast)
            #expect(try measured.safetensorsData() == policy.safetensorsData())
            #expect(try measured.trunk.embedding.dtype == .float32)
        }
    }

    @Test func aResumedRunIsTheSameToTheBit() throws {
        try Bench.inTemporaryDirectory { root in
            let whole = try Bench.trainer(dtype: .bfloat16)
            _ = try step(whole)
            let store = CheckpointStore(directory: root.appending(path: "checkpoints"), keep: 2)
            try store.write(step: 1) { try whole.saveCheckpoint(to: $0) }
            _ = try step(whole)
            let resumed = try Bench.trainer(dtype: .bfloat16)
            try resumed.loadCheckpoint(from: #require(store.latest()).url)
            _ = try step(resumed)
            #expect(try resumed.policy.safetensorsData() == whole.policy.safetensorsData())
            for (a, b) in zip(resumed.policyMasters.copies, whole.policyMasters.copies) {
                #expect(try a.tensor.floats() == b.tensor.floats())
            }
        }
    }
}
