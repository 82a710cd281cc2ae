import Cluster
import ClusterModel
import Evaluations
import Foundation
import LanguageModels
import Logging
import PolicyOptimization
import Reports
import RunConfiguration
import Synchronization
import Testing
import Torch

@testable import Learner

/// A coordinator in memory: samples each batch from the version the schedule names, with the weights that were served, and
/// keeps it until the learner has a checkpoint behind it.
final class FakeCluster: LearnerLink, ArtifactStore {
    struct Crash: Error {}
    /// What the link of a process says that is asked to end.
    struct Unequal: Error { var step: Int }

    struct State {
        var served: [Int: [String: Data]] = [:]
        var kinds: [ArtifactKind] = []
        var released = 0
        var committed: [Int] = []
        var metrics: [Int: Data] = [:]
        var alarms: [String] = []
        /// By step.
        var batches: [Int: [RolloutSample]] = [:]
        /// Weights that each step led to.
        var weights: [Int: Data] = [:]
        var checkpoint = 0
        /// Steps whose batch was asked for, in order.
        var asked: [Int] = []
        var crashAtCommit: Int?
        /// Its task is cancelled when it commits this step.
        var endAtCommit: Int?
        var losesARewardOfEachJob = false
    }

    let state = Mutex(State())
    let lag: Int
    let base: URL

    init(lag: Int, base: URL, from other: FakeCluster? = nil) {
        self.lag = lag
        self.base = base
        if let other {
            let before = other.state.withLock { $0 }
            state.withLock {
                $0.committed = before.committed
                $0.metrics = before.metrics
                $0.batches = before.batches
                $0.weights = before.weights
                $0.checkpoint = before.checkpoint
            }
        }
    }

    func batch(step: Int) async throws -> Int {
        state.withLock { $0.asked.append(step) }
        let version = max(0, step - lag)
        if state.withLock({ $0.batches[step] != nil }) { return 2 }
        guard state.withLock({ step == $0.committed.count }) else {
            throw LearnerError(.cluster, "the batch of step \(step) is gone")
        }
        guard let files = state.withLock({ $0.served[version] }) else {
            throw LearnerError(.cluster, "version \(version) is not served")
        }
        let samples = try noGrad {
            var policy = try CausalLM(directory: base.path)
            if version > 0 {
                if let weights = files["model.safetensors"] {
                    try policy.load(safetensors: weights)
                } else {
                    policy = try CausalLM(
                        sharing: policy, adapter: LowRankAdapter(files: files, for: policy.configuration))
                }
            }
            return try Bench.rollout(
                policy, reference: CausalLM(directory: base.path), step: step, version: version, prompts: 4,
                reward: Bench.evenness)
        }
        state.withLock { $0.batches[step] = samples }
        return 2
    }

    func jobs(step: Int, from index: Int) async throws -> [RolloutJob] {
        let batch = try #require(state.withLock { $0.batches[step] })
        let half = index == 0 ? batch.prefix(4) : batch.suffix(4)
        var rewards = half.map { $0.rewards["test"] ?? nil }
        if state.withLock({ $0.losesARewardOfEachJob }) { rewards[0] = nil }
        let scores = Scores(referenceLogProbabilities: half.map(\.reference), rewards: ["test": rewards])
        return [RolloutJob(index: index, trajectories: half.map(\.trajectory), scores: scores)]
    }

    func commit(step: Int, metrics: Data, manifest: ArtifactManifest, checkpoint: Int) async throws {
        try state.withLock { state in
            if state.crashAtCommit == step { throw Crash() }
            if state.endAtCommit == step { throw CancellationError() }
            let weights = state.served[step + 1]?.first { $0.key.hasSuffix(".safetensors") }?.value
            if let known = state.weights[step], known != weights { throw Unequal(step: step) }
            state.weights[step] = weights
            state.checkpoint = max(state.checkpoint, checkpoint)
            let kept = min(state.checkpoint, max(step, state.committed.last ?? 0) + 1)
            state.batches = state.batches.filter { $0.key >= kept }
            if step <= state.committed.last ?? -1 { return }
            guard manifest.version.number == step + 1, step == (state.committed.last ?? -1) + 1 else {
                throw LearnerError(.cluster, "step \(step) out of order")
            }
            state.committed.append(step)
            state.metrics[step] = metrics
        }
    }

    func publish(_ manifests: [ArtifactManifest], checkpoint: Int) async throws -> Int {
        state.withLock { $0.committed.count }
    }
    func report(phase: String, fraction: Double) async {}
    func alarm(code: String, detail: String) async { state.withLock { $0.alarms.append(code) } }
    func whileResumed() async throws {}

    func serve(
        kind: ArtifactKind, version: PolicyVersion, files: [ServedFile]
    ) async throws -> ArtifactManifest {
        state.withLock { state in
            state.kinds.append(kind)
            if kind == .policy {
                state.served[version.number] = Dictionary(uniqueKeysWithValues: files.map { ($0.name, $0.data) })
            }
        }
        return ArtifactManifest(kind: kind, version: version, files: [], sha256: "", sources: [])
    }

    func release(below number: Int) async { state.withLock { $0.released = number } }
}

/// Keeps the step of each line about dropped answers.
private struct StepsOfNotes: LogHandler {
    final class Lines: Sendable { let steps = Mutex<[String]>([]) }

    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard "\(event.message)".contains("had no reward"), let step = event.metadata?["step"] else { return }
        lines.steps.withLock { $0.append("\(step)") }
    }
}

@Suite(.serialized) struct LearnerLoopTests {
    /// - Parameter lora: policy and critic are adapters over one base.
    static func run(
        _ root: URL, _ cluster: FakeCluster, steps: Int, every: PPOSection.CheckpointEvery = .steps(1),
        lora: LoRAConfiguration? = nil, heldOut: HeldOutWatch? = nil, log: Logger = Logger(label: "test")
    ) async throws {
        let directory = root.appending(path: "run")
        let base = cluster.base
        let store = CheckpointStore(
            directory: directory.appending(path: "checkpoints"), keep: 2,
            pinned: { heldOut?.bestStep(among: $0) })
        let versions = VersionStore(directory: directory.appending(path: "versions"))
        let executor = ComputeExecutor()
        defer { executor.shutDown() }
        let engine = try await LearnerEngine.start(
            on: executor, store: store, versions: versions, lag: cluster.lag, runDirectory: directory
        ) {
            let model = try CausalLM(directory: base.path)
            func adapter(_ seed: UInt64) throws -> LowRankAdapter? {
                try lora.map { try LowRankAdapter($0, for: model.configuration, seed: seed) }
            }
            let policy = try adapter(1).map { try CausalLM(sharing: model, adapter: $0) } ?? model
            return try PPOTrainer(
                policy: policy, critic: .separate(ValueModel(from: model, adapter: adapter(2))),
                settings: Bench.settings())
        }
        try await LearnerLoop(
            plan: LearnerLoop.Plan(
                steps: steps, epoch: 1, runDirectory: directory, base: base, lag: cluster.lag, checkpointEvery: every),
            engine: engine, checkpoints: store, versions: versions, link: cluster, artifacts: cluster,
            fixed: [LearnerLoop.FixedArtifact(kind: .reference, directory: base)], heldOut: heldOut,
            log: log
        ).run()
    }

    private func run(
        _ root: URL, _ cluster: FakeCluster, steps: Int, lora: LoRAConfiguration? = nil, heldOut: HeldOutWatch? = nil,
        log: Logger = Logger(label: "test")
    ) async throws {
        try await Self.run(root, cluster, steps: steps, lora: lora, heldOut: heldOut, log: log)
    }

    private func inTemporaryDirectory(_ body: (URL) async throws -> Void) async throws {
        try await Self.inTemporaryDirectory(body)
    }

    private func policy(_ root: URL) throws -> Data { try Self.policy(root) }

    static func inTemporaryDirectory(_ body: (URL) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-loop-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        try Bench.policy().export(to: root.appending(path: "base").path)
        try await body(root)
    }

    static func policy(_ root: URL) throws -> Data {
        try Data(contentsOf: root.appending(path: "run/policy/model.safetensors"))
    }

    @Test(arguments: [0, 1]) func aCrashBetweenCheckpointAndCommitChangesNothing(lag: Int) async throws {
        var whole = Data()
        try await inTemporaryDirectory { root in
            let cluster = FakeCluster(lag: lag, base: root.appending(path: "base"))
            try await run(root, cluster, steps: 4)
            whole = try policy(root)
            let state = cluster.state.withLock { $0 }
            #expect(state.committed == [0, 1, 2, 3])
            #expect(state.kinds.prefix(2) == [.policy, .reference])
            #expect(state.served.keys.sorted() == [0, 1, 2, 3, 4])
            #expect(state.released > 0)
            #expect(try CausalLM(directory: root.appending(path: "run/policy").path).parameters.count > 0)
        }
        try await inTemporaryDirectory { root in
            let first = FakeCluster(lag: lag, base: root.appending(path: "base"))
            first.state.withLock { $0.crashAtCommit = 2 }
            await #expect(throws: FakeCluster.Crash.self) { try await run(root, first, steps: 4) }
            let second = FakeCluster(lag: lag, base: root.appending(path: "base"), from: first)
            #expect(second.state.withLock { $0.committed } == [0, 1])
            try await run(root, second, steps: 4)
            #expect(second.state.withLock { $0.committed } == [0, 1, 2, 3])
            // What the restarted learner says of the step it had made before is what it would have said.
            let metrics = try #require(second.state.withLock { $0.metrics[2] })
            let figures = try JSONDecoder().decode([String: Double].self, from: metrics)
            #expect(figures[Metric.globalStep] == 3)
            #expect(try policy(root) == whole)
        }
    }

    @Test func theLogCountsStepsFromOne() async throws {
        try await inTemporaryDirectory { root in
            let cluster = FakeCluster(lag: 0, base: root.appending(path: "base"))
            cluster.state.withLock { $0.losesARewardOfEachJob = true }
            let lines = StepsOfNotes.Lines()
            try await run(
                root, cluster, steps: 2, log: Logger(label: "test", factory: { _ in StepsOfNotes(lines: lines) }))
            #expect(lines.steps.withLock { $0 } == ["1", "2"])
        }
    }

    @Test func withLoRAOnlyTheAdapterIsSentAndKept() async throws {
        let wide = try ModelConfiguration(
            vocabularySize: 24, hiddenSize: 128, intermediateSize: 384, layerCount: 2, headCount: 4, contextLength: 48,
            endTokens: [Bench.end])
        let lora = LoRAConfiguration(rank: 2, alpha: 16, targets: ["q_proj", "v_proj"])
        var whole = Data()
        for crashes in [false, true] {
            try await inTemporaryDirectory { root in
                let base = root.appending(path: "base")
                try CausalLM(configuration: wide, seed: 1).export(to: base.path)
                var cluster = FakeCluster(lag: 1, base: base)
                if crashes {
                    cluster.state.withLock { $0.crashAtCommit = 2 }
                    await #expect(throws: FakeCluster.Crash.self) {
                        try await run(root, cluster, steps: 4, lora: lora)
                    }
                    cluster = FakeCluster(lag: 1, base: base, from: cluster)
                }
                try await run(root, cluster, steps: 4, lora: lora)
                let served = cluster.state.withLock { $0.served }
                func bytes(_ version: Int) -> Double {
                    Double(served[version]?.values.reduce(0) { $0 + $1.count } ?? 0)
                }
                for version in 1...4 where served[version] != nil {
                    #expect(served[version]?.keys.sorted() == ["adapter_config.json", "adapter_model.safetensors"])
                    #expect(bytes(version) <= 0.03 * bytes(0), "\(bytes(version)) of \(bytes(0))")
                }
                // Nothing of the base is in a checkpoint; what generators make of it is what the learner exports.
                let checkpoint = root.appending(path: "run/checkpoints/step-000004")
                let files = try CheckpointFiles.policyFiles(in: checkpoint)
                #expect(files.map(\.name) == ["adapter_config.json", "adapter_model.safetensors"])
                #expect(!FileManager.default.fileExists(atPath: checkpoint.path + "/critic/model.safetensors"))
                let start = try CausalLM(directory: base.path)
                let adapter = try LowRankAdapter(files: #require(served[4]), for: start.configuration)
                #expect(try CausalLM(sharing: start, adapter: adapter).safetensorsData() == policy(root))
                #expect(try policy(root) != Data(contentsOf: base.appending(path: "model.safetensors")))
                #expect(AdapterFiles.isAdapter(root.appending(path: "run/policy/adapter").path))
                // Restarted or not, the same bits.
                if whole.isEmpty { whole = try policy(root) } else { #expect(try policy(root) == whole) }
            }
        }
    }

    /// Scores of the steps 0, 2, 4, 6 as they are asked for; what is no number fails.
    private func watch(
        _ root: URL, _ scores: [Float?], basis: String? = nil,
        _ asked: @escaping @Sendable (HeldOutPolicy) -> Void = { _ in }
    ) -> HeldOutWatch {
        let left = Mutex(scores)
        return HeldOutWatch(
            every: 2, figure: "score", basis: basis, runDirectory: root.appending(path: "run"),
            base: root.appending(path: "base").path,
            measure: { policy in
                asked(policy)
                guard let score = left.withLock({ $0.removeFirst() }) else { throw FakeCluster.Crash() }
                let reward = MeasuredAnswers.Reward(name: "r", weight: 1, values: [[score], [score]])
                return (
                    MeasuredAnswers(prompts: ["", ""], texts: [[""], [""]], lengths: [[1], [1]], rewards: [reward]), []
                )
            }, export: { try $0.export(to: $1, device: "cpu") })
    }

    /// The best step stays when newer ones push out others, and is the one that is exported.
    @Test(arguments: [false, true]) func theBestStepIsKeptAndExported(adapter: Bool) async throws {
        let lora = adapter ? LoRAConfiguration(rank: 2, alpha: 16, targets: ["q_proj", "v_proj"]) : nil
        var plain = Data()
        try await inTemporaryDirectory { root in
            try await run(root, FakeCluster(lag: 0, base: root.appending(path: "base")), steps: 7, lora: lora)
            plain = try policy(root)
        }
        try await inTemporaryDirectory { root in
            let base = root.appending(path: "base")
            let cluster = FakeCluster(lag: 0, base: base)
            try await run(root, cluster, steps: 7, lora: lora, heldOut: watch(root, [9, 5, 3, 4, 1]))
            let kept = try FileManager.default.contentsOfDirectory(atPath: root.path + "/run/checkpoints").sorted()
            #expect(kept == ["step-000002", "step-000006", "step-000007"])
            // Versions that no lease can name are still let go of.
            #expect(cluster.state.withLock { $0.released } == 6)
            let served = try #require(cluster.state.withLock { $0.served[2] })
            let best = try Data(contentsOf: root.appending(path: "run/policy-best/model.safetensors"))
            let start = try CausalLM(directory: base.path)
            let expected =
                adapter
                ? try CausalLM(
                    sharing: start, adapter: LowRankAdapter(files: served, for: start.configuration)
                ).safetensorsData() : served["model.safetensors"]
            #expect(best == expected && best != plain)
            #expect(AdapterFiles.isAdapter(root.path + "/run/policy-best/adapter") == adapter)
            // Looking changes nothing.
            #expect(try policy(root) == plain)
            let lines = HeldOutHistory(runDirectory: root.path + "/run").lines
            #expect(lines.map(\.step) == [0, 2, 4, 6, 7])
            let written = BestPolicy(
                step: 2, figure: "score", value: Estimate(mean: 5, low: 5, high: 5, count: 2), basis: nil)
            #expect(BestPolicy.read(in: root.path + "/run") == written)
        }
    }

    /// With other held-out prompts or rewards, what was measured before does not compete, and the step that the run goes on
    /// from is measured anew.
    @Test func figuresOfAnotherBasisAreMeasuredAnew() async throws {
        try await inTemporaryDirectory { root in
            let first = FakeCluster(lag: 0, base: root.appending(path: "base"))
            try await run(root, first, steps: 4, heldOut: watch(root, [1, 9, 8], basis: "a"))
            #expect(BestPolicy.read(in: root.path + "/run")?.step == 2)
            let second = FakeCluster(lag: 0, base: root.appending(path: "base"), from: first)
            try await run(root, second, steps: 8, heldOut: watch(root, [3, 5, 4], basis: "b"))
            let history = HeldOutHistory(runDirectory: root.path + "/run")
            #expect(history.lines.map(\.basis) == ["a", "a", "b", "b", "b"])
            #expect(history.lines.map { $0.figures["score"]?.mean } == [1, 9, 3, 5, 4])
            #expect(BestPolicy.read(in: root.path + "/run")?.step == 6)
            let kept = try FileManager.default.contentsOfDirectory(atPath: root.path + "/run/checkpoints").sorted()
            #expect(kept == ["step-000006", "step-000007", "step-000008"])
        }
    }

    /// A step whose checkpoint is gone cannot be exported; a policy that stands there is not replaced by a worse one.
    @Test func theBestIsOneThatThereIs() async throws {
        try await inTemporaryDirectory { root in
            let cluster = FakeCluster(lag: 0, base: root.appending(path: "base"))
            let watch = watch(root, [1, 9, 8, 7])
            try await run(root, cluster, steps: 6, heldOut: watch)
            let store = CheckpointStore(directory: root.appending(path: "run/checkpoints"), keep: 2)
            #expect(watch.bestStep(among: [5, 6]) == 6 && watch.bestStep(among: store.steps) == 2)
            try FileManager.default.removeItem(at: store.url(step: 2))
            #expect(try await watch.exportBest(store) == nil && BestPolicy.read(in: root.path + "/run")?.step == 2)
            try FileManager.default.removeItem(at: root.appending(path: "run/policy-best"))
            #expect(try await watch.exportBest(store)?.contains("exported step 6") == true)
            #expect(BestPolicy.read(in: root.path + "/run")?.step == 6)
            try FileManager.default.removeItem(at: root.appending(path: "run/evaluations.jsonl"))
            #expect(try await watch.exportBest(store)?.contains("no step has the held-out figure score") == true)
        }
    }

    /// A crash behind a commit leaves the step unmeasured; the next learner looks at it before it goes on, and at nothing twice.
    @Test func aRestartedLearnerMeasuresWhatIsMissing() async throws {
        try await inTemporaryDirectory { root in
            let first = FakeCluster(lag: 0, base: root.appending(path: "base"))
            first.state.withLock { $0.crashAtCommit = 1 }
            await #expect(throws: FakeCluster.Crash.self) {
                try await run(root, first, steps: 4, heldOut: watch(root, [1]))
            }
            let asked = Mutex<[HeldOutPolicy]>([])
            let second = FakeCluster(lag: 0, base: root.appending(path: "base"), from: first)
            try await run(
                root, second, steps: 4, heldOut: watch(root, [2, 3]) { policy in asked.withLock { $0.append(policy) } })
            let checkpoints = root.path + "/run/checkpoints"
            #expect(
                asked.withLock { $0 }
                    == ["step-000002", "step-000004"].map {
                        HeldOutPolicy(checkpoint: "\(checkpoints)/\($0)/policy", base: root.path + "/base")
                    })
            #expect(HeldOutHistory(runDirectory: root.path + "/run").lines.map(\.step) == [0, 2, 4])
        }
    }

    @Test func aMeasurementThatFailsDoesNotEndTheRun() async throws {
        try await inTemporaryDirectory { root in
            let cluster = FakeCluster(lag: 0, base: root.appending(path: "base"))
            try await run(root, cluster, steps: 4, heldOut: watch(root, [1, nil, 3]))
            #expect(cluster.state.withLock { $0.alarms } == ["evaluation"])
            #expect(HeldOutHistory(runDirectory: root.path + "/run").best(by: "score", basis: nil)?.step == 4)
        }
    }

    @Test func directoriesThatAreNoModelAreRefused() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-no-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        #expect(throws: LearnerError.self) { try PublishedFiles.read(root) }
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        #expect(throws: LearnerError.self) { try PublishedFiles.read(root) }
        for name in ["config.json", "model.safetensors", "stage.json", ".hidden.json", "notes.md"] {
            try Data("{}".utf8).write(to: root.appending(path: name))
        }
        #expect(try PublishedFiles.read(root).map(\.name) == ["config.json", "model.safetensors"])
    }
}
