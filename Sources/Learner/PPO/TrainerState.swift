package import PolicyOptimization
import RunConfiguration

/// All that a step hands to the next one beside weights and moments: a part of the checkpoint.
///
/// There is no generator state: shuffles are a function of (seed, step, epoch).
package struct TrainerState: Codable, Sendable, Equatable {
    /// Steps made; also the number of the policy's version.
    package var step = 0
    package var controller: KLController
    package var scoreMoments = RunningMoments()
    package var updateGuard: UpdateGuard
    package var drift: DriftGuard

    /// Mean length of the answers of the first step, when the policy was its own reference.
    package var referenceLength: Double?

    package init(settings: PPOSettings) {
        controller = settings.controller
        updateGuard = settings.updateGuard
        drift = settings.drift
    }

    /// The state as a checkpoint has it, with the limits and coefficients of the run that goes on.
    func resumed(with settings: PPOSettings) -> TrainerState {
        var state = self
        state.controller = settings.controller.continuing(controller)
        state.updateGuard.adopt(limitsOf: settings.updateGuard)
        (state.drift.thresholds, state.drift.klStop) = (settings.ppo.drift, settings.ppo.klStop)
        return state
    }
}
