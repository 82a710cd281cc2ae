package import Foundation

/// One frame to send.
package enum Frame: Sendable {
    /// Copied by the transport; for small frames.
    case bytes([UInt8])
    /// Not copied by the transport; the memory is kept until it has let go of it.
    case shared(SharedBytes)

    package var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .shared(let shared): shared.count
        }
    }
}

/// A stretch of immutable memory with its owner.
// SAFETY: the owner is never mutated after init.
package struct SharedBytes: @unchecked Sendable {
    /// Keeps the memory alive.
    package let owner: NSData
    package let count: Int

    /// The bytes `range` of `data`. They are copied, and only they: `data as NSData` would copy all of `data` on Linux,
    /// once for each chunk of a file, which for a model of 500 MB is 250 GB.
    package init(_ data: Data, range: Range<Int>) {
        let low = min(max(0, range.lowerBound), data.count)
        let high = max(low, min(range.upperBound, data.count))
        count = high - low
        owner = data.withUnsafeBytes { all in
            let piece = UnsafeRawBufferPointer(rebasing: all[low..<high])
            guard let start = piece.baseAddress else { return NSData() }
            return NSData(bytes: start, length: piece.count)
        }
    }

    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        try withExtendedLifetime(owner) { try body(UnsafeRawBufferPointer(start: pointer, count: count)) }
    }

    // SAFETY: an NSData that is made here and never handed out does not change; `count` is its length.
    package var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(mutating: owner.bytes) }
}
