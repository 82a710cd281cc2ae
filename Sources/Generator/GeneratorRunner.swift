package import Cluster
package import ClusterModel
import Foundation
import LanguageModels
package import Logging
import Metrics
package import Torch
import Tokenizers

/// Samples answers: holds the policy in exactly the version that a job names.
///
/// Everything that touches a tensor happens on the compute thread; artifacts are pulled on the socket thread. A version
/// that is announced is fetched into a spare buffer while the last one still samples.
package actor GeneratorRunner: JobRunner {
    private let executor: ComputeExecutor
    private let client: ArtifactClient
    private let link: WorkerLink
    private let logger: Logger
    private let policy: PolicyHolder
    /// Versions that a job may still name are no more than this.
    private static let manifestsKept = 1000

    private var manifests: [Int: ArtifactManifest] = [:]
    /// Files of versions that are not in use yet: whole weights, or an adapter.
    private var spare: [Int: [String: Data]] = [:]
    /// Versions to be pulled ahead of their jobs.
    private let ahead: AsyncStream<ArtifactManifest>
    private let toFetch: AsyncStream<ArtifactManifest>.Continuation
    /// Versions that are on their way ahead of their jobs.
    private var fetching: [Int: Task<Void, Never>] = [:]
    private let tokensTotal = Counter(label: "skein_tokens_generated_total")
    private let versionHeld = Meter(label: "skein_weight_version")
    private var tokenizer: Tokenizer?
    /// The files of version 0, until the first version after it shows whether they are the base of adapters.
    private var base: [String: Data]?
    private var device = Device.cpu
    private var arithmetic = Arithmetic.fast
    private var rowsInFlight = 1
    /// Versions that may wait in memory for their jobs: those that open steps name, and the next.
    private var spareKept = 2

    package init(executor: ComputeExecutor, client: ArtifactClient, link: WorkerLink, logger: Logger) {
        self.executor = executor
        self.client = client
        self.link = link
        self.logger = logger
        policy = PolicyHolder()
        (ahead, toFetch) = AsyncStream.makeStream(of: ArtifactManifest.self)
    }

    package func configure(_ setup: RoleSetup) async throws {
        guard case .generator(let setup) = setup else {
            throw JobError(
                code: "configuration", message: "the coordinator takes this generator for another role",
                retryable: false)
        }
        let computation = setup.computation
        device = try Device.named(computation.device)
        arithmetic = computation.isExact ? .exact : .fast
        rowsInFlight = setup.rowsInFlight
        spareKept = 2 + setup.versionsBehind
        try await executor.run { try TorchRuntime.configure(threads: computation.threads) }
    }

    package func announced(_ manifest: ArtifactManifest) async {
        guard manifest.kind == .policy else { return }
        let number = manifest.version.number
        manifests[number] = manifest
        for old in manifests.keys.filter({ $0 > 0 }).sorted().dropLast(Self.manifestsKept) { manifests[old] = nil }
        client.relocate(manifest)
        // Version 0 is pulled when a job needs it, or for its tokenizer; newer ones ahead of need.
        if isAhead(number) { toFetch.yield(manifest) }
    }

    package var isReady: Bool { manifests[0] != nil }

    package func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome? {
        guard case .generate(let job) = job else {
            throw JobError(code: "kind", message: "a generator does generate jobs only", retryable: false)
        }
        try await hold(job.version, progress)
        guard let tokenizer else { throw JobError(code: "tokenizer", message: "no tokenizer yet", retryable: true) }
        let policy = policy
        let number = job.version.number
        let outcome = try await executor.run { [rowsInFlight] in
            try policy.generate(
                job, version: number, tokenizer: tokenizer, rowsInFlight: rowsInFlight, progress: progress)
        }
        if case .trajectories(let items) = outcome {
            tokensTotal.increment(by: items.reduce(0) { $0 + $1.responseTokens.count })
        }
        return outcome
    }

    /// Makes sure that the policy is exactly this version.
    private func hold(_ version: PolicyVersion, _ progress: @escaping @Sendable (Int) -> Bool) async throws {
        if policy.version == version.number { return }
        guard let start = manifests[0] else {
            throw JobError(code: JobOutcome.unserved, message: "the policy was not announced", retryable: true)
        }
        let policy = policy
        if !policy.isLoaded {
            let files = try await pull(start, progress)
            tokenizer = try Tokenizer(files: files)
            try await executor.run { [device, arithmetic] in try policy.load(files, device, arithmetic) }
            base = files
        }
        if policy.version != version.number {
            try await change(to: version, start, progress)
        }
        // What is older is not asked for again but by a late retry, which pulls it anew.
        spare = spare.filter { $0.key > version.number }
        link.tell(.loaded(.policy, version))
        versionHeld.set(version.number)
        logger.debug("policy loaded", metadata: ["version": "\(version)"])
    }

    private func change(
        to version: PolicyVersion, _ start: ArtifactManifest, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws {
        let (policy, device, arithmetic) = (policy, device, arithmetic)
        if version.number == 0 {
            if try await executor.run({ policy.restore() }) { return }
            let files = try await pull(start, progress)
            return try await executor.run { try policy.load(files, device, arithmetic) }
        }
        var files = spare.removeValue(forKey: version.number)
        if files == nil { files = try await weights(manifest(of: version), progress) }
        guard let files else { return }
        if let weights = files[ModelFiles.weightsFile] {
            base = nil
            return try await executor.run {
                try policy.load(weights: weights, device, arithmetic, as: version.number)
            }
        }
        if try await !executor.run({ policy.hasBase }) {
            var files = base
            if files == nil { files = try await pull(start, progress) }
            guard let files else { return }
            try await executor.run { try policy.loadBase(files, device, arithmetic) }
            base = nil
        }
        try await executor.run { try policy.adapt(files, as: version.number) }
    }

    /// Leases and announcements come by different ways, so a lease may overtake by a moment what it needs.
    private func manifest(of version: PolicyVersion) async throws -> ArtifactManifest {
        for _ in 0..<500 {
            if let manifest = manifests[version.number] { return manifest }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw JobError(
            code: JobOutcome.unserved, message: "policy version \(version) was not announced to this worker",
            retryable: true)
    }

    private func pull(
        _ manifest: ArtifactManifest, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws -> [String: Data] {
        // Bytes that arrive are progress too: a long first load keeps its lease.
        try await client.pull(manifest) { _ = progress($0 / 1_000_000) }
    }

    /// Whether a version is newer than what is held, and not here yet. The first is pulled when a job needs it.
    private func isAhead(_ number: Int) -> Bool { number > policy.version ?? .max && spare[number] == nil }

    package func fetchAhead() async {
        for await manifest in ahead { beginFetch(manifest) }
        let rest = Array(fetching.values)
        for task in rest { task.cancel() }
        for task in rest { await task.value }
    }

    /// A wire that is slower than the learner's steps would be asked for more and more versions at a time, each of which
    /// takes memory as far as it has come. So the oldest is given up for the newest.
    private func beginFetch(_ manifest: ArtifactManifest) {
        let number = manifest.version.number
        guard isAhead(number), fetching[number] == nil else { return }
        fetching[number] = Task {
            await self.fetch(manifest)
            // Who was given up has lost its place already.
            if !Task.isCancelled { self.fetching[number] = nil }
        }
        for old in fetching.keys.sorted().dropLast(spareKept) { fetching.removeValue(forKey: old)?.cancel() }
    }

    private func fetch(_ manifest: ArtifactManifest) async {
        let number = manifest.version.number
        // What fails is pulled again by the job that needs it, which says so.
        guard isAhead(number), let files = try? await weights(manifest), isAhead(number) else { return }
        spare[number] = files
        // An idle generator is told of every version and asked for none.
        for old in spare.keys.sorted().dropLast(spareKept) { spare[old] = nil }
    }

    /// The files of a version above 0. What is on its way already is waited for, and its bytes are progress of this job too.
    private func weights(
        _ manifest: ArtifactManifest, _ progress: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> [String: Data] {
        let files = try await pull(manifest, progress)
        guard [ModelFiles.weightsFile, AdapterFiles.weightsFile].contains(where: { files[$0] != nil }) else {
            throw JobError(
                code: JobOutcome.unserved,
                message:
                    """
                    policy version \(manifest.version.number) has neither \(ModelFiles.weightsFile) nor \
                    \(AdapterFiles.weightsFile)
                    """,
                retryable: true)
        }
        return files
    }
}
