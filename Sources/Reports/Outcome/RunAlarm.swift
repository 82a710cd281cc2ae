/// All alarms of one kind that a run has raised.
package struct RunAlarm: Sendable, Equatable, Encodable {
    package var code: String
    /// The steps of the first and of the last one, counted from 1.
    package var step: Int
    package var lastStep: Int
    package var times: Int
    /// Of the last one.
    package var text: String
    /// What to do; nil when nothing is known of the code.
    package var hint: String?

    /// - Parameter raised: in their order.
    package static func gathered(_ raised: [(step: Int, code: String, text: String)]) -> [RunAlarm] {
        var found: [RunAlarm] = []
        for alarm in raised {
            if let index = found.firstIndex(where: { $0.code == alarm.code }) {
                found[index].lastStep = alarm.step
                found[index].times += 1
                found[index].text = alarm.text
            } else {
                found.append(
                    RunAlarm(
                        code: alarm.code, step: alarm.step, lastStep: alarm.step, times: 1, text: alarm.text,
                        hint: hint(alarm.code)))
            }
        }
        return found
    }

    /// `step 3`, or `steps 3 to 12, 8 times`.
    var when: String { times == 1 ? "step \(step)" : "steps \(step) to \(lastStep), \(times) times" }

    /// What happened, and what to do.
    package static func sentence(_ code: String, _ text: String) -> String {
        guard let hint = hint(code) else { return text }
        return text + (".?!".contains(text.last ?? " ") ? " " : ". ") + hint
    }

    /// A sentence that says what to do about an alarm, for terminal, report and summary.
    package static func hint(_ code: String) -> String? {
        switch code {
        case "negative_kl":
            "Generator and learner disagree: look at training/rollout_logprob_diff_max, and at top_k, top_p and dtype."
        case "kl_budget", "paused":
            "Go on by skein resume, or stop and start again with another ppo.kl_stop or a higher ppo.kl.coefficient."
        case "repeated_text":
            "The policy falls into loops: raise ppo.kl.coefficient, or lower ppo.learning_rate."
        case "low_diversity":
            "All answers are alike: lower ppo.learning_rate, or raise ppo.kl.coefficient or entropy_coefficient."
        case "truncated_answers":
            "Raise rollout.max_new_tokens, or lower ppo.learning_rate if the policy has forgotten how to end."
        case "answer_length":
            "Read answers in samples.jsonl: if the reward pays for length, change it; else raise ppo.kl.coefficient."
        case "over_optimisation":
            "The policy games the reward: take an earlier step (policy-best), or raise ppo.kl.coefficient."
        case "log_probability_mismatch":
            "Generator and learner compute different numbers: write arithmetic: exact, or check dtype."
        case "skipped_update":
            "Lower ppo.learning_rate; where a number was not finite, look at the rewards of that step too."
        case "clipped_scores": "Raise ppo.reward_clip, or write normalise_rewards: true."
        case "evaluation": "The run goes on; why is in logs/learner.log."
        default: nil
        }
    }
}
