import ClusterModel
import Foundation
import Transport

@testable import Cluster

enum WireInputs {
    /// A message that was read is written and read again, and is the same then.
    static func envelope(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        let frames = reader.frames()
        guard let envelope = try Finding.refusing({ $0 is ClusterError }, { try Codec.decode(frames[...]) }) else {
            return
        }
        try comesBack(envelope)
        let payload = JournalPayload.encode(frames)
        _ = try Finding.refusing({ $0 is ClusterError }) { try JournalPayload.decode(payload) }
        _ = try Finding.refusing({ $0 is ClusterError }) { try JournalPayload.decode(Data(bytes)) }
    }

    static func comesBack(_ envelope: Envelope) throws {
        guard let frames = try Finding.refusing({ $0 is ClusterError }, { try Codec.encode(envelope) }) else { return }
        let first = frames.compactMap(content)
        let back: Envelope
        do {
            back = try Codec.decode(first[...])
        } catch {
            throw Finding("a message that was read is refused once it is written: \(error)")
        }
        let second = try Codec.encode(back).compactMap(content)
        try Finding.expect(first == second, "a message changes when it is written and read again")
    }

    static func content(_ frame: Frame) -> [UInt8]? {
        switch frame {
        case .bytes(let bytes): bytes
        case .shared(let bytes): [UInt8](repeating: 1, count: bytes.count)
        }
    }

    static func manifest(_ bytes: [UInt8]) throws {
        let manifest = try Finding.refusing({ $0 is DecodingError || $0 is ClusterError }) {
            try JSONDecoder().decode(ArtifactManifest.self, from: Data(bytes))
        }
        guard let manifest else { return }
        _ = manifest.size
        try comesBack(Envelope(.artifact(manifest)))
    }
}
