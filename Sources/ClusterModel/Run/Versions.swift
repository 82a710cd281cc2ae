/// Which artifacts can be pulled, and which of them a worker has to know.
struct Versions: Sendable {
    private var manifests: [ArtifactKind: [Int: ArtifactManifest]] = [:]
    /// The learner that said last what it serves; nil: not in the time of this process.
    private var server: WorkerID?
    /// Its versions of the policy up to this one, and some above, can be pulled from it. It makes the others again.
    private var reached = Int.max
    private var ahead: Set<Int> = []

    /// Number of the newest version of the policy.
    var newest: Int? { manifests[.policy]?.keys.max() }
    func has(_ kind: ArtifactKind) -> Bool { manifests[kind] != nil }
    func policy(_ number: Int) -> ArtifactManifest? { manifests[.policy]?[number] }

    mutating func add(_ manifest: ArtifactManifest) {
        manifests[manifest.kind, default: [:]][manifest.version.number] = manifest
    }

    /// A learner begins to serve.
    mutating func serve(by learner: WorkerID, upTo number: Int, ahead: Set<Int>) {
        (server, reached, self.ahead) = (learner, number, ahead)
    }

    /// It has made a version, or made it again.
    mutating func reach(_ number: Int) { reached = max(reached, number) }

    /// Whether a version of the policy can be pulled, as far as the coordinator can know.
    func isServed(_ number: Int, by learner: WorkerID) -> Bool {
        guard let server else { return true }
        return server == learner && (number <= reached || ahead.contains(number))
    }

    /// True for what a step may name that samples from version `oldest` or a later one. Version 0 of the policy stays: it
    /// carries the tokenizer and the configuration.
    static func mayBeNamed(_ manifest: ArtifactManifest, from oldest: Int) -> Bool {
        manifest.kind != .policy || manifest.version.number == 0 || manifest.version.number >= oldest
    }

    /// Forgets what no step may name any more. Returns whether there was anything.
    mutating func retire(below oldest: Int) -> Bool {
        guard let versions = manifests[.policy] else { return false }
        let kept = versions.filter { Self.mayBeNamed($0.value, from: oldest) }
        manifests[.policy] = kept
        return kept.count < versions.count
    }

    /// What a worker of this role needs to know of, in order.
    func announced(to role: Role) -> [ArtifactManifest] {
        manifests.sorted { $0.key < $1.key }.flatMap { _, versions in
            versions.sorted { $0.key < $1.key }.map(\.value)
        }.filter { Self.needs(role, $0) }
    }

    static func needs(_ role: Role, _ manifest: ArtifactManifest) -> Bool {
        switch role {
        case .generator: manifest.kind == .policy
        // The policy's start has the tokenizer, which rewards by rule need.
        case .scorer: manifest.kind != .policy || manifest.version.number == 0
        case .learner: false
        }
    }
}
