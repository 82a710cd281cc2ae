package import Cluster
package import ClusterModel
import Foundation
import LanguageModels
package import Logging
import Rewards
import RunConfiguration
import Tokenizers
package import Torch

/// Scores trajectories: reference log-probabilities, reward models, and rewards by rule or command.
///
/// Models come over the wire; everything that touches a tensor happens on the compute thread.
package actor ScorerRunner: JobRunner {
    private let executor: ComputeExecutor
    private let client: ArtifactClient
    private let link: WorkerLink
    private let logger: Logger
    private let models = ScorerModels()
    private var manifests: [ArtifactKind: ArtifactManifest] = [:]
    private var rules: [String: any RewardFunction] = [:]
    /// Rewards of kind `model`, by name.
    private var modelRewards: [String: ModelKeys] = [:]
    /// Of rewards that may read sequences as the policy saw them.
    private var textsOfRewards: [String: HTTPKeys.Text] = [:]
    private var usesTemplate = false
    private var policyTokenizer: Tokenizer?
    private var templateArguments: String?
    private var clock: Double?
    private var needsReference = true
    private var device = Device.cpu
    private var arithmetic = Arithmetic.fast

    package init(executor: ComputeExecutor, client: ArtifactClient, link: WorkerLink, logger: Logger) {
        self.executor = executor
        self.client = client
        self.link = link
        self.logger = logger
    }

    package func configure(_ setup: RoleSetup) async throws {
        guard case .scorer(let setup) = setup else {
            throw JobError(
                code: "configuration", message: "the coordinator takes this scorer for another role", retryable: false)
        }
        let computation = setup.computation
        device = try Device.named(computation.device)
        needsReference = setup.reference
        templateArguments = setup.templateArguments
        usesTemplate = setup.chatTemplate
        clock = setup.clock
        arithmetic = computation.isExact ? .exact : .fast
        try await executor.run { try TorchRuntime.configure(threads: computation.threads) }
        guard rules.isEmpty, modelRewards.isEmpty else { return }
        for reward in try setup.rewards.map({ try RewardSection($0) }) {
            if let keys = reward.model {
                modelRewards[reward.name] = keys
            } else {
                rules[reward.name] = try RewardFunctions.make(reward)
                if reward.text != .joined { textsOfRewards[reward.name] = reward.text }
            }
        }
    }

    package func announced(_ manifest: ArtifactManifest) async {
        // Of the policy, only the tokenizer is used here, which is that of its start.
        guard manifest.kind != .policy || manifest.version.number == 0 else { return }
        manifests[manifest.kind] = manifest
        client.relocate(manifest)
    }

    package var isReady: Bool {
        (!needsReference || manifests[.reference] != nil) && (textsOfRewards.isEmpty || manifests[.policy] != nil)
            && modelRewards.keys.allSatisfy { manifests[.reward($0)] != nil }
    }

    package func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome? {
        guard case .score(let job) = job else {
            throw JobError(code: "kind", message: "a scorer does score jobs only", retryable: false)
        }
        do {
            return .scores(try await scores(of: job, progress))
        } catch is CalledBack {
            return nil
        }
    }

    /// What is finished is handed in, whatever has become of the lease: the coordinator takes the first result of a job.
    private func scores(of job: ScoreJob, _ progress: @escaping @Sendable (Int) -> Bool) async throws -> Scores {
        let count = job.trajectories.count
        let goOn: @Sendable () throws -> Void = { if !progress(count) { throw CalledBack() } }
        var scores = Scores()
        let models = models
        if job.reference {
            if !models.hasReference {
                let files = try await pull(.reference, progress)
                try await loading("reference model") { [device, arithmetic] in
                    try models.loadReference(files, device, arithmetic)
                }
            }
            scores.referenceLogProbabilities = try await executor.run {
                try models.reference(job, beforePiece: goOn)
            }
        }
        var parts: [RewardScoring] = []
        for name in job.rewards {
            try goOn()
            let part: RewardScoring
            if let keys = modelRewards[name] {
                let hash = try await loadReward(name, keys, progress)
                let values = try await executor.run { try models.reward(job, hash, beforePiece: goOn) }
                let tooLong = values.count { $0 == nil }
                part = RewardScoring(
                    name: name, values,
                    notes: tooLong > 0
                        ? ["reward \(name): \(tooLong) of \(values.count) answers are beyond the context of its model"]
                        : [])
                for note in part.notes { logger.warning("\(note)") }
            } else if let rule = rules[name] {
                part = try await apply(rule, job, progress)
            } else {
                throw JobError(code: "configuration", message: "reward \(name) is not known here", retryable: false)
            }
            scores.rewards[name] = part.values
            parts.append(part)
            if let summary = part.summary { logger.warning("\(summary)") }
        }
        scores.errors = RewardScoring.errors(parts)
        return scores
    }

    /// Returns the hash that the model of a reward is kept under.
    private func loadReward(
        _ name: String, _ keys: ModelKeys, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws -> String {
        let hash = try manifest(.reward(name)).sha256
        guard !models.hasReward(hash) else { return hash }
        let files = try await pull(.reward(name), progress)
        try await loading("reward model of the reward \(name)") { [device, models, templateArguments, clock] in
            try models.loadReward(files, hash, keys, arguments: templateArguments, clock: clock, device)
        }
        return hash
    }

    private func apply(
        _ rule: any RewardFunction, _ job: ScoreJob, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws -> RewardScoring {
        let count = job.trajectories.count
        let inputs = try await inputs(of: job, for: rule.name, progress)
        do {
            return try await RewardScoring(
                of: rule, inputs, progress: { progress(count) },
                log: { [logger] note in logger.warning("\(note)") })
        } catch is CancellationError {
            throw CalledBack()
        } catch {
            let isPermanent = (error as? RewardError)?.isPermanent ?? false
            throw JobError(
                code: isPermanent ? "configuration" : "reward", message: "\(error)", retryable: !isPermanent)
        }
    }

    private func inputs(
        of job: ScoreJob, for reward: String, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws -> [RewardInput] {
        let text = textsOfRewards[reward]
        let tokenizer = try await text == nil ? nil : loadTokenizer(progress)
        let hasTemplate = usesTemplate && tokenizer?.hasChatTemplate == true
        let rows = try job.rows.mapValues { data in
            do throws(JSONProblem) {
                return try RewardColumns(extra: data.extra, conversation: data.conversation)
            } catch {
                throw JobError(
                    code: "malformed", message: "the columns of a prompt are not JSON: \(error.reason)",
                    retryable: false)
            }
        }
        return job.trajectories.map { item in
            let messages = rows[item.row]?.messages
            let isSequence = text?.isSequence(isRendered: hasTemplate) == true
            return RewardInput(
                prompt: item.promptText, response: item.responseText,
                text: isSequence
                    ? tokenizer?.decode(item.promptTokens + item.responseTokens, skipSpecialTokens: false) : nil,
                tokens: item.responseTokens.count,
                extra: rows[item.row]?.extra ?? .object([]), messages: messages)
        }
    }

    private func loadTokenizer(_ progress: @escaping @Sendable (Int) -> Bool) async throws -> Tokenizer {
        if let policyTokenizer { return policyTokenizer }
        var manifest = try manifest(.policy)
        manifest.files.removeAll { $0.name.hasSuffix(".safetensors") }
        let files = try await client.pull(manifest) { _ = progress($0 / 1_000_000) }
        let tokenizer = try Tokenizer(files: files)
        policyTokenizer = tokenizer
        return tokenizer
    }

    private func pull(
        _ kind: ArtifactKind, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws -> [String: Data] {
        try await client.pull(manifest(kind)) { _ = progress($0 / 1_000_000) }
    }

    private func manifest(_ kind: ArtifactKind) throws -> ArtifactManifest {
        guard let manifest = manifests[kind] else {
            throw JobError(
                code: JobOutcome.unserved, message: "the \(kind.rawValue) model was not announced", retryable: true)
        }
        return manifest
    }

    /// A model that cannot be loaded cannot be loaded by the next scorer either: the run ends with the cause.
    private func loading(_ what: String, _ body: @escaping @Sendable () throws -> Void) async throws {
        do {
            try await executor.run(body)
            logger.info("loaded the \(what)")
        } catch {
            throw JobError(code: "configuration", message: "cannot load the \(what): \(error)", retryable: false)
        }
    }
}

/// The coordinator wants the job no longer.
private struct CalledBack: Error {}
