import LanguageModels
import RunConfiguration
import Torch

/// What a trainer's models are made from: directories and the parts of a run that say how.
struct TrainerModels: Sendable {
    let policy: String
    /// Where a separate critic starts; nil = from the policy.
    let reward: String?
    let device: String
    let seed: UInt64
    let lora: LoRASection?
    let sharesBase: Bool
    let referenceFromBase: Bool
    let recomputesLayers: Bool
    let arithmetic: Arithmetic
    let dtype: DType

    init(_ run: RunConfiguration, policy: String) {
        self.policy = policy
        reward = run.ppo.criticFrom == .reward ? run.models.reward : nil
        device = run.device
        seed = run.seed
        lora = run.ppo.lora
        sharesBase = run.ppo.sharesBase
        referenceFromBase = run.ppo.referenceFromBase
        recomputesLayers = run.ppo.gradientCheckpointing
        arithmetic = run.isExact ? .exact : .fast
        dtype = run.ppo.dtype == .bfloat16 ? .bfloat16 : .float32
    }

    /// On the compute thread. With LoRA the base is loaded once: policy and critic are adapters over it, and the base
    /// without one is the reference where the run says so.
    func trainer(_ settings: PPOSettings) throws -> PPOTrainer {
        let place: Device
        do {
            place = try Device.named(device)
        } catch {
            throw LearnerError(.setting, "\(error)")
        }
        let base = try CausalLM(directory: policy, device: place, dtype: dtype)
        let model = try adapter(base, seed: seed).map { try CausalLM(sharing: base, adapter: $0) } ?? base
        model.trunk.recomputesLayers = recomputesLayers
        model.trunk.arithmetic = arithmetic
        let reference = try referenceFromBase ? CausalLM(sharing: base, adapter: nil) : nil
        reference?.trunk.arithmetic = arithmetic
        guard settings.ppo.advantage.needsCritic else {
            return try PPOTrainer(policy: model, critic: nil, reference: reference, settings: settings)
        }
        let critic: Critic =
            switch settings.ppo.critic {
            case .shared:
                .shared(
                    try ScalarHead(
                        hiddenSize: base.configuration.hiddenSize, seed: settings.seed, device: base.device))
            case .separate: .separate(try sharesBase ? adaptedCritic(base) : wholeCritic(base))
            }
        if case .separate(let values) = critic { values.trunk.recomputesLayers = recomputesLayers }
        return try PPOTrainer(policy: model, critic: critic, reference: reference, settings: settings)
    }

    private func adapter(_ base: CausalLM, seed: UInt64) throws -> LowRankAdapter? {
        guard let lora else { return nil }
        do {
            return try LowRankAdapter(
                LoRAConfiguration(rank: lora.rank, alpha: lora.alpha, targets: lora.targets),
                for: base.configuration, base: policy, seed: seed, device: base.device)
        } catch {
            throw LearnerError(.setting, "ppo.lora: \(error)")
        }
    }

    /// An adapter and a head over the policy's base: those of the reward model, or fresh ones.
    private func adaptedCritic(_ base: CausalLM) throws -> ValueModel {
        guard let reward else {
            // Another seed than the policy's: the two have nothing in common but the base.
            return try ValueModel(from: base, adapter: adapter(base, seed: seed &+ 0x6372_6974))
        }
        let directory = "\(reward)/adapter"
        guard AdapterFiles.isAdapter(directory) else {
            throw LearnerError(
                .setting,
                "ppo.critic_from: the reward model \(reward) has no adapter to start from over the policy's base; write "
                    + "critic_from: policy or shared_base: false")
        }
        let model = try RewardModel(adapter: directory, over: base)
        guard model.trunk.adapter?.base == policy else {
            throw LearnerError(
                .setting,
                "ppo.critic_from: the adapter \(directory) was trained over \(model.trunk.adapter?.base ?? "another base"), "
                    + "not over the policy \(policy); write critic_from: policy or shared_base: false")
        }
        return try ValueModel(from: model, copying: false)
    }

    /// A model of its own.
    private func wholeCritic(_ base: CausalLM) throws -> ValueModel {
        guard let reward else { return try ValueModel(from: base) }
        let start = try RewardModel(directory: reward, device: base.device, dtype: dtype)
        guard start.configuration.vocabularySize == base.configuration.vocabularySize else {
            throw LearnerError(
                .setting,
                "the reward model \(reward) has a vocabulary of \(start.configuration.vocabularySize), the policy of "
                    + "\(base.configuration.vocabularySize): the critic cannot read the policy's tokens")
        }
        return try ValueModel(from: start)
    }
}
