/// Which artifacts can be pulled, and which of them a worker has to know.
struct Versions: Sendable {
    private var manifests: [ArtifactKind: [Int: ArtifactManifest]] = [:]

    /// Number of the newest version of the policy.
    var newest: Int? { manifests[.policy]?.keys.max() }
    func policy(_ number: Int) -> ArtifactManifest? { manifests[.policy]?[number] }

    mutating func add(_ manifest: ArtifactManifest) {
        manifests[manifest.kind, default: [:]][manifest.version.number] = manifest
    }

    /// Forgets versions of the policy that no step from `oldest` on may name. Version 0 stays: it carries the tokenizer and
    /// the configuration. Returns whether there were any.
    mutating func retire(below oldest: Int) -> Bool {
        guard let versions = manifests[.policy] else { return false }
        let kept = versions.filter { $0.key == 0 || $0.key >= oldest }
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
