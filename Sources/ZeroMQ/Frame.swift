package import Foundation

/// One frame to send.
package enum Frame: Sendable {
    /// Copied by libzmq; for small frames.
    case bytes([UInt8])
    /// Sent without a copy; the memory is kept until libzmq has let go of it.
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
    let owner: NSData
    let offset: Int
    package let count: Int

    /// The bytes `range` of `data`, not copied.
    package init(_ data: Data, range: Range<Int>) {
        owner = data as NSData
        let low = min(max(0, range.lowerBound), data.count)
        offset = low
        count = min(max(0, range.upperBound), data.count) - low
    }

    // SAFETY: NSData made from an immutable Data never changes; `offset` and `count` lie inside it by `init`.
    var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(mutating: owner.bytes + offset) }
}
