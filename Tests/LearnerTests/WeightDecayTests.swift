import LanguageModels
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Learner

/// What a step with weight decay does to each parameter, beside the same step without.
@Suite(.serialized) struct WeightDecayTests {
    enum Kind: CaseIterable { case whole, half, adapter, shared }

    func trainer(_ kind: Kind, decay: Double, on decays: TrainingSection.WeightDecayScope) throws -> PPOTrainer {
        var settings = Bench.settings()
        settings.ppo.epochs = 1
        settings.ppo.minibatches = 1
        settings.ppo.weightDecay = decay
        settings.ppo.weightDecayOn = decays
        switch kind {
        case .whole: return try Bench.trainer(settings)
        case .half: return try Bench.trainer(settings, dtype: .bfloat16)
        case .shared:
            settings.ppo.critic = .shared
            return try Bench.trainer(settings)
        case .adapter:
            let base = try Bench.policy()
            let lora = LoRAConfiguration(rank: 2, alpha: 8)
            let policy = try CausalLM(sharing: base, adapter: LowRankAdapter(lora, for: base.configuration, seed: 1))
            let critic = try ValueModel(from: base, adapter: LowRankAdapter(lora, for: base.configuration, seed: 2))
            return try PPOTrainer(policy: policy, critic: .separate(critic), settings: settings)
        }
    }

    /// Name -> (value before, value after) of everything that learns.
    func step(_ trainer: PPOTrainer) throws -> [String: (before: [Float], after: [Float])] {
        let parameters =
            trainer.policyMasters.parameters.map { ("policy." + $0.name, $0.tensor) }
            + (trainer.criticMasters?.parameters.map { ("critic." + $0.name, $0.tensor) } ?? [])
        let before = try parameters.map { try $0.1.detach().clone().floats() }
        _ = try trainer.update(
            Bench.rollout(
                trainer.policy, reference: Bench.policy(), step: 0, version: 0, reward: Bench.evenness))
        var result: [String: (before: [Float], after: [Float])] = [:]
        for (parameter, old) in zip(parameters, before) {
            result[parameter.0] = (old, try parameter.1.detach().floats())
        }
        return result
    }

    @Test(arguments: Kind.allCases, TrainingSection.WeightDecayScope.allCases)
    func normsBiasesAndEmbeddingsStay(kind: Kind, decays: TrainingSection.WeightDecayScope) throws {
        let plain = try step(trainer(kind, decay: 0, on: decays))
        let decayed = try step(trainer(kind, decay: 0.5, on: decays))
        #expect(plain.count == decayed.count && plain.count > 5)
        var (free, pulled) = (0, 0)
        for (name, one) in decayed {
            let without = try #require(plain[name])
            #expect(one.before == without.before)
            let isFree = name.contains("norm") || name.contains("embed_tokens") || name.hasSuffix("bias")
            if decays == .matrices && isFree {
                #expect(one.after == without.after, "\(name)")
                free += 1
            } else {
                // The rate is 3e-3: w shrinks by 1 - 0.0015 before Adam's step.
                let excess = zip(zip(one.after, without.after), one.before).map { $0.0 - $0.1 + 0.0015 * $1 }
                #expect(excess.allSatisfy { abs($0) < 1e-6 }, "\(name)")
                if zip(one.after, without.after).contains(where: { $0 != $1 }) { pulled += 1 }
            }
        }
        #expect(pulled > 0)
        if decays == .matrices, kind != .adapter { #expect(free >= 6) }
    }
}
