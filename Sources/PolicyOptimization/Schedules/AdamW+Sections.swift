package import RunConfiguration
package import Torch

extension AdamW.Settings {
    package init(_ ppo: PPOSection) {
        self.init(ppo.betas, epsilon: ppo.epsilon, weightDecay: ppo.weightDecay, on: ppo.weightDecayOn)
        placement = ppo.adam == .tensorflow ? .tensorflow : .pytorch
    }

    package init(_ section: TrainingSection) {
        self.init(section.betas, epsilon: section.epsilon, weightDecay: section.weightDecay, on: section.weightDecayOn)
    }

    /// - Parameter betas: two, as the rule of the key says.
    private init(
        _ betas: [Double], epsilon: Double, weightDecay: Double, on scope: TrainingSection.WeightDecayScope
    ) {
        self.init(
            beta1: betas.first ?? 0.9, beta2: betas.last ?? 0.95, epsilon: epsilon, weightDecay: weightDecay,
            decays: scope == .all ? .all : .matrices)
    }
}
