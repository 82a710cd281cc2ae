package import ClusterModel
package import Foundation
import Transport

/// Results as one blob: the frames of the wire, each after its length, so that journal and wire have one format.
package enum JournalPayload {
    /// - Parameter frames: of a RESULT as it came.
    package static func encode(_ frames: [[UInt8]]) -> Data {
        var data = Data(capacity: frames.reduce(0) { $0 + $1.count + 4 })
        for bytes in frames {
            withUnsafeBytes(of: UInt32(clamping: bytes.count).littleEndian) { data.append(contentsOf: $0) }
            data.append(contentsOf: bytes)
        }
        return data
    }

    package static func decode(_ data: Data) throws -> JobOutcome {
        var frames: [[UInt8]] = []
        var rest = data[...]
        while !rest.isEmpty {
            guard rest.count >= 4 else { throw ClusterError(.malformed, "a payload of the journal is cut short") }
            let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard rest.count >= count else { throw ClusterError(.malformed, "a payload of the journal is cut short") }
            frames.append([UInt8](rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        guard case .result(_, _, let outcome) = try Codec.decode(frames[...], mayLackChecksum: true).message else {
            throw ClusterError(.malformed, "a payload of the journal is no result")
        }
        return outcome
    }
}
