import Console
import Foundation
import RunConfiguration
import RunInputs
import Tokenizers

/// Whether each reward model reads the ids that the policy samples, or texts in tokens of its own. Found out once, where
/// the coordinator starts, and told to scorers with their configuration.
enum RewardTokenizers {
    /// Fills in ``ModelKeys/encodesAgain``.
    ///
    /// - Parameter isAhead: the models are not all made yet; those that are missing are left for later.
    /// - Returns: a sentence for each reward model whose texts are encoded again.
    /// - Throws: an error that names the key by which a reward model cannot be used.
    static func decide(_ run: inout RunConfiguration, isAhead: Bool = false) throws -> [String] {
        guard run.stages.contains(.ppo), let path = policyDirectory(run, isAhead) else { return [] }
        let policy = try Tokenizer(directory: path)
        let usesTemplate = run.data.chatTemplate == .auto && policy.hasChatTemplate
        var notes: [String] = []
        for (index, section) in run.rewards.enumerated() {
            guard let directory = section.model?.path, !isAhead || !isMade(directory, run) else { continue }
            let key = section.model?.path == run.models.reward ? "models.reward" : "rewards.\(index).path"
            let reward = try tokenizer(directory, key)
            let reading: RewardReading
            do {
                reading = try RewardReading(
                    policy: policy, reward: reward, usesTemplate: usesTemplate, isTrainedHere: isTrainedHere(directory))
            } catch {
                throw CommandError(.configuration, "\(key): \(directory): \(error)")
            }
            guard case .encodedAgain(let reason) = reading else { continue }
            run.rewards[index].model?.encodesAgain = true
            run.rewards[index].model?.usesTemplate = usesTemplate
            if !isAhead, reward.printsDate {
                run.data.clock = try RunClock.time(
                    keptIn: run.runDirectory, isPrinted: true, now: TemplateClock.localTime())
            }
            notes.append(
                "reward \(section.name): texts are encoded again with the tokenizer of \(directory): \(reason)")
        }
        try checkCritic(run, policy, isAhead: isAhead)
        return notes
    }

    /// A critic reads the ids that the policy samples, whatever it started from.
    private static func checkCritic(_ run: RunConfiguration, _ policy: Tokenizer, isAhead: Bool) throws {
        guard run.ppo.advantage == .gae, run.ppo.critic == .separate, run.ppo.criticFrom == .reward,
            let directory = run.models.reward, !isAhead || !isMade(directory, run)
        else { return }
        if let difference = policy.difference(to: try tokenizer(directory, "models.reward")) {
            throw CommandError(
                .configuration,
                """
                ppo.critic_from: the critic cannot start from the reward model \(directory), whose tokenizer is another \
                than the policy's (\(difference)); write critic_from: policy
                """)
        }
    }

    /// Where the policy's tokenizer is; nil when a stage has yet to make it.
    static func policyDirectory(_ run: RunConfiguration, _ isAhead: Bool) -> String? {
        if isAhead, run.stages.contains(.pretrain), run.models.policy == run.pretrainedDirectory { return nil }
        guard isAhead, run.models.policy == run.sftDirectory, run.stages.contains(.sft) else {
            return run.models.policy
        }
        return run.stages.contains(.pretrain) ? nil : run.models.base
    }

    /// Whether the stage reward_model of any run made the model: it writes this file beside it.
    static func isTrainedHere(_ directory: String) -> Bool {
        FileManager.default.fileExists(atPath: directory + "/reward.json")
    }

    /// By a stage of this run, in the policy's tokens.
    private static func isMade(_ directory: String, _ run: RunConfiguration) -> Bool {
        run.stages.contains(.rewardModel) && directory == run.rewardModelDirectory
    }

    private static func tokenizer(_ directory: String, _ key: String) throws -> Tokenizer {
        guard hasTokenizer(directory) else {
            throw CommandError(
                .configuration,
                "\(key): \(directory) has no tokenizer.json; put the tokenizer beside it that the model was trained with"
            )
        }
        return try Tokenizer(directory: directory)
    }

    private static func hasTokenizer(_ directory: String) -> Bool {
        FileManager.default.fileExists(atPath: directory + "/tokenizer.json")
    }
}
