extension PPOSection {
    /// What must hold between keys of the section, whatever else stands in the run file.
    func checkKeys(_ problems: inout Problems) {
        checkObjective(&problems)
        checkCritic(&problems)
        if let overlong, overlong.cache > overlong.maximum {
            problems.add("ppo.overlong.cache", "the cache \(overlong.cache) is above the maximum \(overlong.maximum)")
        }
    }

    /// Keys of the policy's loss that have no effect together.
    private func checkObjective(_ problems: inout Problems) {
        if policyLoss != .ppo, dualClip != nil {
            problems.add(
                "ppo.dual_clip", "policy_loss \(policyLoss.rawValue) has no second clip; leave this key out")
        }
        if policyLoss == .cispo, problems.places.holds("ppo.clip"), clipHigh == nil {
            problems.add(
                "ppo.clip", "policy_loss cispo bounds the ratio above alone; write clip_high: \(clip.written)")
        }
        if !groupScale, advantage != .grpo {
            problems.add(
                "ppo.group_scale",
                "only advantage grpo divides by a group's deviation; leave this key out, or write advantage: grpo")
        }
        if bootstrapTruncated, missingEOS == .mask {
            problems.add(
                "ppo.bootstrap_truncated",
                "missing_eos: mask leaves cut answers out of the learning, so that there is nothing to continue; leave "
                    + "one of the two out")
        }
    }

    /// Keys that need a critic, or one of its own.
    private func checkCritic(_ problems: inout Problems) {
        if critic == .shared, !advantage.needsCritic {
            problems.add("ppo.critic", "shared needs advantage gae; \(advantage.rawValue) has no critic")
        }
        if bootstrapTruncated, !advantage.needsCritic {
            problems.add("ppo.bootstrap_truncated", "only advantage gae has a critic to ask")
        }
        if valueLambda != nil, !advantage.needsCritic {
            problems.add("ppo.value_lambda", "only advantage gae has a critic; leave this key out")
        }
        guard criticWarmupSteps > 0 else { return }
        if !advantage.needsCritic || critic == .shared {
            problems.add(
                "ppo.critic_warmup_steps",
                "needs advantage: gae and critic: separate, since a shared trunk cannot learn values and stay the policy "
                    + "it is")
        } else if criticWarmupSteps >= steps {
            problems.add(
                "ppo.critic_warmup_steps",
                "\(criticWarmupSteps) of \(steps) steps (ppo.steps) leave none for the policy to learn in")
        }
    }
}
