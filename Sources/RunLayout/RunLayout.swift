package import Foundation

/// Where everything of a run stands. No other file knows the names in a run directory; `scripts/check-imports` looks.
package struct RunLayout: Sendable, Hashable {
    /// What stands at the top of a run directory, under its name there.
    package enum Entry: String, Sendable, CaseIterable {
        // Of the command and of whatever it starts.
        /// The configuration that the run was last started with.
        case runFile = "run.yaml"
        /// What changed from one start to the next, a line a key.
        case changes = "changes.jsonl"
        case commandLock = "run.lock"
        case processesLock = "processes.lock"
        /// The time that chat templates print.
        case clock = "clock.json"
        /// Hashes of the run's inputs, kept between processes.
        case fileHashes = ".file-hashes.json"
        /// Seconds of each stage.
        case stageTimes = "stages.json"
        case logs
        /// Keys of the run's own processes.
        case keys
        /// What `skein launch` wrote: keys of the workers that it starts elsewhere, and batch scripts.
        case launch

        // Of the coordinator.
        case journal = "journal.sqlite"
        /// Where the live coordinator listens.
        case coordinator = "coordinator.json"
        /// The bearer token of the status endpoint, for commands.
        case token
        /// The bearer token of the status endpoint, for reading alone.
        case readToken = "read-token"
        /// Figures of each step.
        case metrics = "metrics.jsonl"
        /// The first answers of each step.
        case samples = "samples.jsonl"
        case tensorBoard = "tensorboard"

        // Models.
        case pretrained
        case sft
        case rewardModel = "reward-model"
        /// The policy that `skein run --from` exported, and where it was taken.
        case start
        case startRecord = "from.json"
        case checkpoints
        /// Policies as generators pull them, a directory a version.
        case versions
        /// That of the last step.
        case policy
        /// That of the best step by held-out prompts.
        case bestPolicy = "policy-best"
        /// Batches that were refused.
        case inspection = "inspect"

        // What was measured.
        case heldOut = "evaluations.jsonl"
        case evaluation = "evaluation.json"
        case report = "report.html"
        case summary = "summary.json"
    }

    package let directory: String

    package init(_ directory: String) { self.directory = directory }
    package init(_ directory: URL) { self.directory = directory.path(percentEncoded: false) }

    package subscript(_ entry: Entry) -> String {
        directory.hasSuffix("/") ? directory + entry.rawValue : "\(directory)/\(entry.rawValue)"
    }

    package func url(_ entry: Entry) -> URL { URL(filePath: self[entry]) }
    package func holds(_ entry: Entry) -> Bool { FileManager.default.fileExists(atPath: self[entry]) }
    package func data(_ entry: Entry) -> Data? { FileManager.default.contents(atPath: self[entry]) }

    /// - Parameter process: a role, or a worker by its name.
    package func log(of process: String) -> String { "\(self[.logs])/\(process).log" }
    /// Where a checkpoint stands, whether it is there or not.
    package func checkpoint(_ step: Int) -> URL { url(.checkpoints).appending(path: Self.checkpointName(step)) }
    package func inspection(_ step: Int) -> URL { url(.inspection).appending(path: "step-\(step).jsonl") }
    /// The weights of the final policy. They stand there when it was exported.
    package var policyWeights: String { "\(self[.policy])/model.safetensors" }
    /// Which step `policy-best` holds, and why.
    package var bestRecord: String { Self.bestRecord(in: self[.bestPolicy]) }
    /// What the stage that trains the reward model was made from, and its figures.
    package var rewardModelState: String { "\(self[.rewardModel])/\(Self.stageState)" }
    /// What `policy` was before the run was extended.
    package func earlierPolicy(_ step: Int) -> String { "\(directory)/\(Self.earlierPolicyPrefix)\(step)" }
    /// A new file beside the clock, to be linked into its place.
    package var clockDraft: String { "\(directory)/.clock-\(UUID().uuidString).partial" }

    /// Whether something in a run directory is PPO's, and goes when the run is started afresh.
    package static func belongsToPPO(_ name: String) -> Bool {
        ppo.contains(name) || name.hasPrefix(earlierPolicyPrefix)
    }

    private static let ppo: Set<String> = {
        let entries: [Entry] = [
            .journal, .checkpoints, .versions, .policy, .metrics, .samples, .evaluation, .heldOut, .bestPolicy,
            .stageTimes,
            .report, .summary, .logs, .tensorBoard, .changes, .start, .startRecord,
        ]
        // What SQLite keeps beside the journal.
        return Set(entries.map(\.rawValue) + ["-wal", "-shm"].map { Entry.journal.rawValue + $0 })
    }()

    private static let earlierPolicyPrefix = "policy-step-"

    /// What is said of the policy of the last step, and goes with it.
    package static let saidOfPolicy: [Entry] = [.evaluation, .report, .summary]

    /// Whether the directory holds a run: one of these at least is in every run directory.
    package var isRunDirectory: Bool { holds(.commandLock) || holds(.journal) }
}

// Names within what stands there.
extension RunLayout {
    /// What a stage leaves in its directory beside the model.
    package static let stageState = "stage.json"
    /// How far a checkpoint is, of a stage as of PPO.
    package static let checkpointState = "state.json"

    /// The policy in a checkpoint of PPO.
    package static let checkpointPolicy = "policy"

    /// The policies of versions before it that leases may name, as in `versions`.
    package static let checkpointEarlier = "earlier"
    /// Beside the policy in a checkpoint that has nothing else: of a step that was measured and is not gone on from.
    package static let policyOnly = "policy-only"
    /// In `checkpoints`: the run files by which the steps since the last one were made.
    package static let stepSettings = "settings.json"

    private static let checkpointPrefix = "step-"

    package static func checkpointName(_ step: Int) -> String {
        let digits = String(step)
        return checkpointPrefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// - Returns: nil when the name is not that of a checkpoint.
    package static func checkpointStep(_ name: String) -> Int? {
        guard name.hasPrefix(checkpointPrefix), let step = Int(name.dropFirst(checkpointPrefix.count)), step >= 0
        else { return nil }
        return step
    }

    /// Whether a name is of a checkpoint that was being written, replaced or removed.
    package static func isUnfinishedCheckpoint(_ name: String) -> Bool {
        name.hasPrefix("." + checkpointPrefix) && (name.hasSuffix(".partial") || name.hasSuffix(".old"))
    }

    /// - Parameter directory: of a policy.
    package static func bestRecord(in directory: String) -> String { "\(directory)/best.json" }

    /// Where something is written before it is renamed into place.
    package static func partial(_ place: URL) -> URL { hidden(place, "partial") }
    /// Where an interrupted stage left what to go on from.
    package static func stageCheckpoints(of stage: URL) -> URL { hidden(stage, "checkpoints") }
    /// The lock file of a journal, which one process holds.
    package static func lock(ofJournal path: String) -> String { path + ".lock" }

    private static func hidden(_ place: URL, _ ending: String) -> URL {
        place.deletingLastPathComponent().appending(path: ".\(place.lastPathComponent).\(ending)")
    }
}
