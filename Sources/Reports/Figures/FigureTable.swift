/// What one figure of `metrics.jsonl` says.
package struct Figure: Sendable {
    /// As in the file; `*` stands for the name of a reward.
    package let name: String
    /// Empty: a plain number.
    package let unit: String
    package let meaning: String
    /// What to do when it is off; empty: nothing follows from it by itself.
    package let advice: String
}

/// Every figure of a step, for `skein metrics`.
package enum FigureTable {
    /// The figure of a name in the file.
    package static func named(_ name: String) -> Figure? {
        all.first { $0.name == name } ?? all.first { matches($0.name, name) }
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return false }
        return name.hasPrefix(parts[0]) && name.hasSuffix(parts[1]) && name.utf8.count > pattern.utf8.count - 1
    }

    package static let all: [Figure] = rewards + policy + critic + answers + batch + times

    private static func figure(_ name: String, _ unit: String, _ meaning: String, _ advice: String = "") -> Figure {
        Figure(name: name, unit: unit, meaning: meaning, advice: advice)
    }

    private static let rewards = [
        figure(
            "critic/score/mean", "",
            "Mean score of the answers: the weighted sum of the rewards, before what missing_eos takes off.",
            "It should rise. If it rises while the held-out reward falls, the policy games the reward: lower kl_stop or raise kl.coefficient."
        ),
        figure(
            "critic/score/std", "", "Standard deviation of the scores.",
            "Near 0 there is nothing to learn: the reward does not tell answers apart."),
        figure(
            "critic/score/shaped_mean", "",
            "Mean score as it is learned from: clipped by reward_clip, and less what missing_eos and overlong take off. Not there with normalise_rewards.",
            "Far below critic/score/mean: many answers are cut or too long."),
        figure("critic/score/shaped_std", "", "Standard deviation of those."),
        figure("critic/score/min", "", "Lowest score."),
        figure("critic/score/max", "", "Highest score."),
        figure(
            "critic/score/clip_ratio", "share", "Scores that ppo.reward_clip changes.",
            "Above 0.1 large differences are lost: raise reward_clip, or set normalise_rewards."),
        figure(
            "reward/*/mean", "",
            "Mean of one reward over the answers of the batch that have it; dropped ones do not count."),
        figure(
            "reward/*/failed", "answers",
            "Answers for which this reward failed; they are dropped, unless its weight is 0.",
            "Look into logs/scorer-*.log for the cause."),
        figure(
            "critic/rewards/mean", "",
            "Mean reward of a token, KL penalty included; verl's figure of this name is of a whole sequence."),
    ]

    private static let policy = [
        figure(
            "actor/sequence_kl_k1", "nats",
            "Distance of the policy from the reference: log pi - log pi_ref, summed over an answer; the mean over answers.",
            "A few nats are usual. If it grows without end, raise kl.coefficient or lower the learning rate. Clearly below 0: generator and learner disagree."
        ),
        figure("actor/sequence_kl_k3", "nats", "The same by an estimator that is never negative and varies less."),
        figure("actor/kl_coef", "", "Coefficient of the KL penalty in this step."),
        figure("actor/kl_loss", "nats", "KL in the loss, with kl: {in: loss}."),
        figure(
            "actor/entropy", "nats", "Mean entropy of the policy over the sampled tokens.",
            "Falling to 0: it says the same all the time; lower the learning rate, raise kl.coefficient or entropy_coefficient."
        ),
        figure(
            "actor/ppo_kl", "nats", "How far the updates of this step have moved the policy, a token.",
            "Above target_kl the step's remaining updates are left out; lower the learning rate if that is often."),
        figure(
            "actor/pg_clipfrac", "share", "Tokens whose ratio is beyond the clip.",
            "Above 0.3: fewer epochs or a lower learning rate."),
        figure("actor/pg_clipfrac_lower", "share", "Tokens that the dual clip holds back."),
        figure("actor/log_ratio_clamped", "tokens", "Tokens whose log-ratio was cut at clip_log_ratio."),
        figure("actor/ratio_mean", "", "Mean of pi / pi_old.", "It stays close to 1."),
        figure("actor/ratio_max", "", "Largest pi / pi_old."),
        figure("actor/pg_loss", "", "Loss of the policy. Its height says little."),
        figure(
            "actor/grad_norm", "", "Norm of the policy's gradient before it is clipped at clip_norm.",
            "Sudden jumps: a lower learning rate."),
        figure("actor/lr", "", "Learning rate of the policy."),
        figure(
            "actor/updates", "updates",
            "Updates in this step; in the critic's warm-up they are those of the critic alone."),
        figure(
            "actor/skipped_updates", "updates",
            "Updates left out because a loss or gradient was not finite, or the mean ratio was above max_mean_ratio.",
            "Lower the learning rate. Three in a row that are not finite end the run."),
        figure("actor/early_stop", "0 or 1", "Whether target_kl ended the step's epochs early."),
        figure(
            "actor/first_ratio_mean", "", "Ratio in the first minibatch, before any update.",
            "1 with fresh data; else generator and learner compute different log-probabilities."),
        figure("actor/first_pg_clipfrac", "share", "Clipped tokens in the first minibatch.", "0 with fresh data."),
    ]

    private static let critic = [
        figure("critic/vf_loss", "", "Loss of the critic."),
        figure("critic/vf_clipfrac", "share", "Values whose change was clipped."),
        figure(
            "critic/vf_explained_var", "share", "How much of the variance of the returns the critic explains.",
            "It should rise from 0 towards 1; below 0 for long, the critic harms: raise critic_learning_rate or use critic_warmup_steps."
        ),
        figure("critic/grad_norm", "", "Norm of the critic's gradient."),
        figure("critic/lr", "", "Learning rate of the critic."),
        figure("critic/warmup", "0 or 1", "Whether the critic alone learned in this step."),
        figure("critic/values/mean", "", "Mean of the critic's values."),
        figure("critic/returns/mean", "", "Mean of the returns."),
        figure("critic/advantages/mean", "", "Mean advantage before whitening."),
        figure("critic/advantages/std", "", "Deviation of the advantages before whitening."),
    ]

    private static let answers = [
        figure(
            "response_length/mean", "tokens", "Mean length of an answer.",
            "If it runs to one end while the reward rises, the reward pays for length."),
        figure("response_length/max", "tokens", "Longest answer."),
        figure(
            "response_length/clip_ratio", "share", "Answers that were cut: they did not end by themselves.",
            "High: raise rollout.max_new_tokens."),
        figure("response/eos_ratio", "share", "Answers that ended with the token that ends a turn."),
        figure(
            "response/repeated_4gram", "share", "4-grams that are repetitions within their answer.",
            "Rising: the policy falls into loops; raise kl.coefficient."),
        figure(
            "response/distinct_2", "share", "Different pairs of tokens among all of the step.",
            "Falling to 0: all answers are alike."),
    ]

    private static let batch = [
        figure("batch/samples", "answers", "Answers of the batch, without those that were dropped."),
        figure("batch/tokens", "tokens", "Tokens that are learned from."),
        figure(
            "batch/dropped_no_reward", "answers", "Answers dropped because a reward failed.", "See reward/*/failed."),
        figure("batch/dropped_empty", "answers", "Answers dropped because they have no token."),
        figure(
            "batch/masked_answers", "answers", "Answers that were cut and, with missing_eos: mask, not learned from."),
        figure(
            "batch/without_comparison", "answers",
            "Answers that are the only one left of their prompt; RLOO and GRPO learn nothing from them."),
        figure(
            "batch/groups_without_spread", "share",
            "Prompts of which all answers have the same score, of those with two or more; RLOO and GRPO learn nothing from them.",
            "Near 1: the prompts are too easy or too hard, or the reward does not tell answers apart; take others, or more samples_per_prompt."
        ),
        figure(
            "training/rollout_logprob_diff_max", "nats",
            "Largest difference between a token's log-probability in generator and learner.",
            "1e-4 is rounding. Above 1e-2: another model or dtype than you think, or arithmetic: exact is needed."),
        figure("training/staleness_mean", "versions", "How many versions old the sampled tokens are, on average."),
        figure("training/staleness_max", "versions", "The oldest."),
        figure(
            "rollout/staleness", "versions",
            "How many versions behind the newest one the policy is that was asked for the step's answers.",
            "0 in sync; with mode: lag, schedule.lag after the first steps."),
        figure("training/behaviour_weight_mean", "", "Mean of the truncated importance weights of stale data."),
        figure("training/global_step", "steps", "Steps made, this one included."),
    ]

    private static let times = [
        figure("timing_s/gen", "s", "From the first lease of the step to its last answer."),
        figure("timing_s/total", "s", "From the last commit, or the start of the coordinator, to this commit."),
        figure("timing_s/adv", "s", "Learner: advantages and everything else around the passes."),
        figure("timing_s/values", "s", "Learner: the critic's values."),
        figure("timing_s/ref", "s", "Learner: the reference's log-probabilities, where the learner computes them."),
        figure("timing_s/old_log_prob", "s", "Learner: log-probabilities before the update."),
        figure("timing_s/update_actor", "s", "Learner: the updates."),
        figure(
            "timing_s/save_checkpoint", "s",
            "Learner: writing the policy's file, and waiting for a checkpoint that is written beside the steps.",
            "Large beside timing_s/step: raise ppo.checkpoint_every, or use a faster disk."),
        figure(
            "timing_s/wait_batch", "s", "Learner: waiting for the batch.",
            "Large beside timing_s/step: more generators or scorers."),
        figure("timing_s/step", "s", "Learner: the whole step."),
        figure("perf/gen_tokens_per_s", "tokens/s", "Tokens that were sampled in a second of timing_s/gen."),
        figure("perf/training_tokens_per_s", "tokens/s", "Tokens that the updates went through in a second."),
        figure(
            "perf/bytes_written", "bytes",
            "What the learner wrote since the last step: the policy's file, and a checkpoint that was finished meanwhile."
        ),
    ]
}
