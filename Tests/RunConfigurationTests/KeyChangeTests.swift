import Testing

@testable import RunConfiguration

/// What another value of each key does to a run that has started, as people decided it. Runs rely on it, so that what a
/// declaration says is compared with it key by key.
@Suite struct KeyChangeTests {
    private static let trained =
        """
        epochs max_steps learning_rate batch_size token_budget warmup schedule weight_decay weight_decay_on betas \
        epsilon clip_norm validation_fraction evaluate_every patience dtype packing threads lora lora.rank lora.alpha \
        lora.targets
        """

    private static let rewardService = "url token_env batch timeout_s retries"
    private static let rewardValue =
        """
        kind name weight target minimum maximum per_token pattern match_score miss_score words score_each \
        case_sensitive format text model label_key answer_key function
        """

    private static let classes: [(section: String, change: KeyChange, keys: String)] = [
        ("", .free, "name run_directory"),
        ("", .fixed, "seed device arithmetic stages architecture rewards"),
        ("models", .place, "base policy reference reward"),
        ("data", .free, "directory evaluation_prompts"),
        ("data", .place, "pretrain sft preferences preferences_validation prompts"),
        ("data", .fixed, "on_error too_long truncate chat_template template_arguments"),
        ("architecture", .fixed, "layers hidden intermediate heads kv_heads vocabulary context tied"),
        ("pretrain", .fixed, trained),
        ("sft", .fixed, "loss \(trained)"),
        ("reward_model", .fixed, "label_smoothing margin normalise \(trained)"),
        ("pretrain", .free, "checkpoint_every gradient_checkpointing"),
        ("sft", .free, "checkpoint_every gradient_checkpointing"),
        ("reward_model", .free, "checkpoint_every gradient_checkpointing"),
        // Rows of a generator in flight change no bit of any of them.
        ("rollout", .free, "rows_in_flight"),
        (
            "rollout", .fixed,
            """
            prompts_per_step samples_per_prompt prompts_per_job samples_per_job temperature top_k top_p \
            max_prompt_tokens max_new_tokens stop
            """
        ),
        ("rewards.*", .free, rewardService),
        ("rewards.*", .place, "path"),
        // A program that could not be started is mended by naming another one.
        ("rewards.*", .nextStep, "argv"),
        ("rewards.*", .fixed, rewardValue),
        ("schedule", .fixed, "mode lag"),
        ("ppo", .free, "checkpoint_every keep_checkpoints gradient_checkpointing"),
        (
            "ppo", .nextStep,
            """
            steps token_budget lambda value_lambda clip clip_high dual_clip clip_log_ratio value_clip \
            value_coefficient entropy_coefficient learning_rate critic_learning_rate weight_decay warmup schedule \
            clip_norm target_kl max_mean_ratio kl_stop stale_importance_cap kl.coefficient kl.target kl.horizon
            """
        ),
        (
            "ppo.guard", .nextStep,
            """
            repeated_4gram_alarm distinct_2_alarm truncated_alarm length_ratio_alarm clipped_scores_alarm window
            """
        ),
        (
            "ppo", .fixed,
            """
            epochs minibatches advantage gamma group_scale whiten_advantages whiten_rewards policy_loss \
            loss_aggregation critic critic_from critic_warmup_steps betas epsilon adam weight_decay_on lora lora.rank \
            lora.alpha lora.targets shared_base shared_reference dtype reward_clip normalise_rewards missing_eos \
            missing_eos_penalty overlong overlong.maximum overlong.cache bootstrap_truncated kl.controller kl.initial \
            kl.in kl.estimator old_log_probabilities guard.held_out_reward
            """
        ),
        ("evaluation", .free, "prompts samples every best rewards max_new_tokens temperature kl_budget threads"),
        ("evaluation.rewards.*", .free, "path argv \(rewardService) \(rewardValue)"),
        ("coordinator", .free, "bind status lease_s grace_s retries on_poison"),
        ("start", .free, "workers timeout_s"),
        ("roles", .free, "generator.count generator.threads scorer.count"),
        // libtorch's sums depend on the number of threads in their last digits; those of generators do not.
        ("roles", .nextStep, "scorer.threads learner.threads"),
    ]

    @Test func everyKeyDoesWhatWasDecided() {
        var expected: [String: KeyChange] = [:]
        for (section, change, keys) in Self.classes {
            for key in keys.split(whereSeparator: \.isWhitespace) {
                expected[section.isEmpty ? String(key) : "\(section).\(key)"] = change
            }
        }
        #expect(Set(RunConfiguration.everyKey).subtracting(expected.keys).sorted() == [], "decide about these")
        #expect(Set(expected.keys).subtracting(RunConfiguration.everyKey).sorted() == [], "no such keys")
        for (key, change) in expected { #expect(KeyChange(key) == change, "\(key)") }
        #expect(KeyChange("ppo.no_such_key") == .fixed)
    }
}
