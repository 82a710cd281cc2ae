package import Cluster
package import ClusterModel
import Foundation
import LanguageModels
package import Logging
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
    private var fetching: [Int: Task<[String: Data], any Error>] = [:]
    private var tokenizer: Tokenizer?
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
        if number > policy.version ?? .max, spare[number] == nil { _ = prefetch(manifest) }
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
        return try await executor.run { [rowsInFlight] in
            try policy.generate(
                job, version: number, tokenizer: tokenizer, rowsInFlight: rowsInFlight, progress: progress)
        }
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
        }
        if policy.version != version.number {
            try await change(to: version, start, progress)
        }
        // What is older is not asked for again but by a late retry, which pulls it anew.
        spare = spare.filter { $0.key > version.number }
        link.tell(.loaded(.policy, version))
        logger.debug("policy loaded", metadata: ["version": "\(version)"])
    }

    private func change(
        to version: PolicyVersion, _ start: ArtifactManifest, _ progress: @escaping @Sendable (Int) -> Bool
    ) async throws {
        let policy = policy
        let files: [String: Data]
        if version.number == 0 {
            if try await executor.run({ try policy.restore() }) { return }
            files = try await pull(start, progress)
        } else if let ready = spare[version.number] {
            files = ready
        } else {
            let fetch = try await prefetch(manifest(of: version))
            files = try await renewing(progress) { try await fetch.value }
        }
        try await executor.run { try policy.swap(files, to: version.number) }
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

    /// Bytes that arrive while something else pulls them are progress of the job that waits for them.
    private func renewing<T: Sendable>(
        _ progress: @escaping @Sendable (Int) -> Bool, _ body: @Sendable () async throws -> T
    ) async throws -> T {
        let ticker = Task { [client] in
            var last = client.receivedBytes
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(250))
                let now = client.receivedBytes
                if now > last { _ = progress(Int(clamping: now / 1_000_000)) }
                last = now
            }
        }
        defer { ticker.cancel() }
        return try await body()
    }

    private func prefetch(_ manifest: ArtifactManifest) -> Task<[String: Data], any Error> {
        let number = manifest.version.number
        if let task = fetching[number] { return task }
        let task = Task { [client] in
            let files = try await client.pull(manifest)
            guard ["model.safetensors", AdapterFiles.weightsFile].contains(where: { files[$0] != nil }) else {
                throw JobError(
                    code: JobOutcome.unserved,
                    message: "policy version \(number) has neither model.safetensors nor \(AdapterFiles.weightsFile)",
                    retryable: true)
            }
            return files
        }
        fetching[number] = task
        Task {
            let result = await task.result
            fetching[number] = nil
            guard case .success(let files) = result else { return }
            spare[number] = files
            // An idle generator is told of every version and asked for none.
            for old in spare.keys.sorted().dropLast(spareKept) { spare[old] = nil }
        }
        return task
    }
}
