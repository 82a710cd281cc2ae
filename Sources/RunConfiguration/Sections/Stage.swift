/// A stage of a run, in the order in which runs usually take them.
package enum Stage: String, Sendable, CaseIterable, ChoiceValue {
    case pretrain, sft
    case rewardModel = "reward_model"
    case ppo, evaluate

    /// The word of the command line for the stage alone.
    package var command: String { self == .rewardModel ? "reward-model" : rawValue }
}
