package enum ArtifactKind: String, Codable, Sendable, Hashable, CaseIterable { case policy, reference, reward }

package struct ArtifactFile: Codable, Sendable, Hashable {
    package var name: String
    /// Bytes.
    package var size: Int
    /// Hexadecimal.
    package var sha256: String
    /// Bytes of each chunk but the last.
    package var chunkSize: Int
    package var chunkHashes: [String]

    package init(name: String, size: Int, sha256: String, chunkSize: Int, chunkHashes: [String]) {
        self.name = name
        self.size = size
        self.sha256 = sha256
        self.chunkSize = chunkSize
        self.chunkHashes = chunkHashes
    }
}

/// What a published artifact consists of and where it can be pulled from.
package struct ArtifactManifest: Codable, Sendable, Hashable {
    package var kind: ArtifactKind
    package var version: PolicyVersion
    package var files: [ArtifactFile]
    /// Of all file hashes in order, hexadecimal.
    package var sha256: String
    /// Endpoints, for example `tcp://127.0.0.1:41234`.
    package var sources: [String]

    package init(
        kind: ArtifactKind, version: PolicyVersion, files: [ArtifactFile], sha256: String, sources: [String]
    ) {
        self.kind = kind
        self.version = version
        self.files = files
        self.sha256 = sha256
        self.sources = sources
    }

    /// Bytes of all files.
    package var size: Int {
        files.reduce(0) { sum, file in
            let (total, overflow) = sum.addingReportingOverflow(max(0, file.size))
            return overflow ? Int.max : total
        }
    }
}
