extension RunConfiguration {
    /// The sections of the stages before PPO.
    func checkTraining(_ problems: inout Problems) {
        let sections = [
            (Stage.pretrain, pretrain), (.sft, sft), (.rewardModel, rewardModel.training),
        ]
        for (stage, section) in sections where stages.contains(stage) {
            let given = stage == .rewardModel && data.preferencesValidation != nil
            if section.validates, section.validationFraction == 0, !given {
                problems.add(
                    "\(stage.rawValue).validation_fraction",
                    "is 0, which leaves no data to look at for patience or evaluate_every"
                )
            }
        }
        if stages.contains(.rewardModel), rewardModel.training.packing {
            problems.add("reward_model.packing", "only pretrain and sft can pack sequences")
        }
        if stages.contains(.pretrain), pretrain.lora != nil, models.base == nil {
            problems.add("pretrain.lora", "an adapter needs a model that is there: name models.base, or leave lora out")
        }
    }
}
