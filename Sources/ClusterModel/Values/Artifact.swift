/// What an artifact is for. On the wire and in the journal: `policy`, `reference`, `reward/NAME`.
package enum ArtifactKind: Sendable, Hashable, Comparable {
    case policy, reference
    /// The model of the reward of this name; a run may have several.
    case reward(String)

    package static func < (a: ArtifactKind, b: ArtifactKind) -> Bool { a.rawValue < b.rawValue }
}

extension ArtifactKind: RawRepresentable {
    private static let rewardPrefix = "reward/"

    package init?(rawValue: String) {
        switch rawValue {
        case "policy": self = .policy
        case "reference": self = .reference
        default:
            guard rawValue.hasPrefix(Self.rewardPrefix), rawValue.utf8.count <= 100 else { return nil }
            self = .reward(String(rawValue.dropFirst(Self.rewardPrefix.count)))
        }
    }

    package var rawValue: String {
        switch self {
        case .policy: "policy"
        case .reference: "reference"
        case .reward(let name): Self.rewardPrefix + name
        }
    }
}

extension ArtifactKind: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let kind = ArtifactKind(rawValue: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "the kind of artifact '\(text)' is unknown"))
        }
        self = kind
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// A file by reference: as small for a model of any size. Its list, the hash of each chunk, is pulled like the file itself.
package struct ArtifactFile: Codable, Sendable, Hashable {
    package var name: String
    /// Bytes.
    package var size: Int
    /// Of the file's list, 32 bytes for each chunk; of a file of one chunk, that chunk's own. Hexadecimal.
    package var sha256: String
    /// Bytes of each chunk but the last.
    package var chunkSize: Int
    /// Where it stands on the publisher's machine; nil when it stands in memory alone.
    package var local: LocalFile?

    package init(name: String, size: Int, sha256: String, chunkSize: Int, local: LocalFile? = nil) {
        self.name = name
        self.size = size
        self.sha256 = sha256
        self.chunkSize = chunkSize
        self.local = local
    }
}

/// A file on one machine, as it was when its SHA-256 was taken. Who works there maps it in place of pulling it.
package struct LocalFile: Codable, Sendable, Hashable {
    /// Of the running system: no two have the same.
    package var host: String
    package var path: String
    package var device: UInt64
    package var inode: UInt64
    /// Nanoseconds since 1970.
    package var modified: Int64

    package init(host: String, path: String, device: UInt64, inode: UInt64, modified: Int64) {
        self.host = host
        self.path = path
        self.device = device
        self.inode = inode
        self.modified = modified
    }
}

/// A piece of a file, as a puller asks for it.
package struct ChunkPlace: Sendable, Hashable {
    /// The file's ``ArtifactFile/sha256``.
    package var file: String
    /// A chunk of the file's list, in place of one of its content.
    package var isList: Bool
    package var index: Int

    package init(file: String, isList: Bool, index: Int) {
        self.file = file
        self.isList = isList
        self.index = index
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

    /// Of versions and of bytes, so large that what is computed from them cannot overflow.
    package static let largestNumber = Int(Int32.max) * 1024

    /// What is wrong with a manifest that comes from somewhere else; nil when it can be pulled.
    package var problem: String? {
        guard (0...Self.largestNumber).contains(version.number) else { return "there is no version \(version.number)" }
        for file in files {
            let name = file.name.prefix(80)
            guard !name.isEmpty, !file.name.contains("/"), name != "..", name != "." else {
                return "a file of an artifact has the name '\(name)'"
            }
            guard (0...Self.largestNumber).contains(file.size) else { return "\(name): a size of \(file.size)" }
            guard (1...Wire.chunkSize).contains(file.chunkSize) else {
                return "\(name): chunks of \(file.chunkSize) bytes"
            }
        }
        return nil
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decode(ArtifactKind.self, forKey: .kind)
        version = try container.decode(PolicyVersion.self, forKey: .version)
        files = try container.decode([ArtifactFile].self, forKey: .files)
        sha256 = try container.decode(String.self, forKey: .sha256)
        sources = try container.decode([String].self, forKey: .sources)
        if let problem {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: problem))
        }
    }

    /// Names and hashes of the files that are learned, the same wherever they stand. An adapter's configuration is none of
    /// them: it names its base, which may have been moved.
    package var weights: String {
        files.filter { $0.name.hasSuffix(".safetensors") }.map { "\($0.name) \($0.sha256)" }.joined(separator: " ")
    }

    /// Bytes of all files.
    package var size: Int {
        files.reduce(0) { sum, file in
            let (total, overflow) = sum.addingReportingOverflow(max(0, file.size))
            return overflow ? Int.max : total
        }
    }
}
