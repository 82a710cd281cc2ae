import ClusterModel
import Console
import Coordinator
import Datasets
import Foundation
import Rewards
import RunConfiguration
import RunLayout
import Tokenizers

/// From the run file to what the coordinator is told: prompts as tokens, rewards as parts of score jobs.
enum CoordinatorSettings {
    static func make(_ run: RunConfiguration) throws -> CoordinatorConfiguration {
        guard let policy = run.models.policy else {
            throw CommandError(.configuration, "models.policy: PPO needs a model to start from")
        }
        guard let file = run.data.prompts else {
            throw CommandError(.configuration, "data.prompts: PPO needs a file of prompts")
        }
        var configuration = CoordinatorConfiguration()
        configuration.run.name = run.name
        configuration.run.program = Invocation.skein
        configuration.run.seed = run.seed
        configuration.run.steps = run.ppo.steps
        let shape = try Engine.shape(of: policy)
        configuration.run.prompts = try prompts(file, policy: policy, shape, run)
        configuration.run.vocabulary = shape.vocabulary
        configuration.run.promptsPerStep = run.rollout.promptsPerStep
        configuration.run.samplesPerPrompt = run.rollout.samplesPerPrompt
        configuration.run.promptsPerJob = run.rollout.promptsPerJob ?? 16
        configuration.run.samplesPerJob = run.rollout.samplesPerJob
        configuration.run.sampling = SamplingParameters(
            temperature: run.rollout.temperature, topK: run.rollout.topK, topP: run.rollout.topP,
            maxNewTokens: run.rollout.maxNewTokens, stop: run.rollout.stop)
        configuration.run.schedule = run.schedule.versionsBehind == 0 ? .sync : .lag(run.schedule.versionsBehind)
        var builtIn: [String] = []
        var foreign: [String] = []
        try checkRewards(run)
        for reward in run.rewards {
            if case .worker = reward.kind { foreign.append(reward.name) } else { builtIn.append(reward.name) }
        }
        let scored = RunSettings.ScorePart(reference: !run.ppo.referenceFromBase, rewards: builtIn)
        configuration.run.parts =
            (scored.reference || !builtIn.isEmpty ? [scored] : [])
            + foreign.map { RunSettings.ScorePart(reference: false, rewards: [$0], isBuiltIn: false) }
        configuration.run.neededRewards = Set(
            run.rewards.filter { $0.weight != 0 && $0.name != run.ppo.drift.heldOutReward }.map(\.name))
        let counted = run.rewards.filter { configuration.run.neededRewards.contains($0.name) }
        configuration.weights = Dictionary(counted.map { ($0.name, $0.weight) }) { first, _ in first }
        configuration.run.leaseMilliseconds = Int(run.coordinator.lease * 1000)
        configuration.run.graceMilliseconds = Int(run.coordinator.grace * 1000)
        configuration.run.startWorkers = run.start.workers
        configuration.run.startMilliseconds = run.start.timeout.map { Int($0 * 1000) }
        configuration.run.retries = run.coordinator.retries
        configuration.run.skipsPoison = run.coordinator.onPoison == .skip
        configuration.run.klStop = run.ppo.klStop
        configuration.run.setups = run.setups()
        configuration.run.desired = [.generator: run.roles.generator.count, .scorer: run.roles.scorer.count]
        configuration.run.runDirectory = run.runDirectory
        configuration.run.isExported = FileManager.default.fileExists(
            atPath: run.layout.policyWeights)
        configuration.runDirectory = URL(filePath: run.runDirectory)
        configuration.journalPath = run.layout[.journal]
        configuration.address = run.coordinator.bind
        return configuration
    }

    /// What a scorer would only say after the run has started.
    static func checkRewards(_ run: RunConfiguration) throws {
        for reward in run.rewards { try check(reward, run) }
    }

    private static func check(_ reward: RewardSection, _ run: RunConfiguration) throws {
        switch reward.kind {
        case .swift(let keys):
            do {
                _ = try SwiftRewards.make(keys.function, name: reward.name)
            } catch {
                throw CommandError(.configuration, "rewards: \(error)")
            }
        case .http(let keys):
            // Scorers that are started by hand have an environment of their own.
            guard let variable = keys.tokenVariable, !run.scorersAreElsewhere,
                ProcessInfo.processInfo.environment[variable]?.isEmpty ?? true
            else { return }
            throw CommandError(
                .configuration,
                "reward \(reward.name): the environment variable \(variable) (token_env) is not set")
        default: return
        }
    }

    static func prompts(_ file: String, policy: String, _ run: RunConfiguration) throws -> [Prompt] {
        try prompts(file, policy: policy, Engine.shape(of: policy), run)
    }

    private static func prompts(
        _ file: String, policy: String, _ shape: Engine.ModelShape, _ run: RunConfiguration
    ) throws -> [Prompt] {
        let tokenizer = try Tokenizer(directory: policy)
        let prompts = try PromptFile.read(
            file, tokenizer: tokenizer, context: shape.context, vocabulary: shape.vocabulary, run: run)
        return try prompts.enumerated().map { index, prompt in
            let whole = Prompt(row: index, text: prompt.text, tokens: prompt.tokens, data: prompt.data)
            let bytes = JobPlan.bytes(of: whole, samples: 1, maxNewTokens: run.rollout.maxNewTokens)
            guard bytes <= JobPlan.largestJob else {
                throw CommandError(
                    .configuration,
                    """
                    \(file):\(prompt.line): the prompt with its other columns (\(prompt.data.size) bytes) and an answer of \
                    rollout.max_new_tokens (\(run.rollout.maxNewTokens)) takes \(bytes) bytes, more than the \
                    \(JobPlan.largestJob) of a message; keep large values in a file and name it in the column
                    """)
            }
            return whole
        }
    }
}
