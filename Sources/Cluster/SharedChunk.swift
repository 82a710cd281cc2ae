import ClusterModel
package import Foundation
import Transport

/// A piece of an artifact, copied once when it is to be sent.
package struct SharedChunk: ChunkBytes {
    let bytes: SharedBytes
    private let data: Data
    private let range: Range<Int>

    package init(_ data: Data, range: Range<Int>? = nil) {
        self.data = data
        self.range = range ?? 0..<data.count
        bytes = SharedBytes(data, range: self.range)
    }

    package var count: Int { range.count }

    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        try data.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
