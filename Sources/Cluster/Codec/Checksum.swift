import CZlib
package import Transport

/// What shows that a message arrived as it was sent. TCP's own sum is of 16 bits and ends at the first proxy, and a flipped
/// bit in a token or a setting would be trained on.
///
/// CRC-32 of the envelope and all raw frames, as the envelope's last field: 0x2d, then four bytes, little-endian.
package enum Checksum {
    static let tag: UInt8 = 0x2D
    package static let size = 5

    enum Verdict { case right, wrong, missing }

    /// - Parameters:
    ///   - envelope: gets its checksum.
    ///   - frames: the raw frames behind it.
    package static func seal(_ envelope: inout [UInt8], _ frames: [Frame]) {
        var sum = envelope.withUnsafeBytes { add($0, to: 0) }
        for frame in frames {
            switch frame {
            case .bytes(let bytes): sum = bytes.withUnsafeBytes { add($0, to: sum) }
            case .shared(let shared): sum = shared.withBytes { add($0, to: sum) }
            }
        }
        envelope.append(tag)
        withUnsafeBytes(of: sum.littleEndian) { envelope.append(contentsOf: $0) }
    }

    /// - Parameter frames: the envelope and the raw frames.
    static func check(_ frames: ArraySlice<[UInt8]>) -> Verdict {
        guard let envelope = frames.first, envelope.count > size, envelope[envelope.count - size] == tag else {
            return .missing
        }
        var sum = envelope.dropLast(size).withUnsafeBytes { add($0, to: 0) }
        for frame in frames.dropFirst() { sum = frame.withUnsafeBytes { add($0, to: sum) } }
        let said = envelope.suffix(size - 1).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return said == sum ? .right : .wrong
    }

    private static func add(_ bytes: UnsafeRawBufferPointer, to sum: UInt32) -> UInt32 {
        // SAFETY: zlib reads that many bytes from there, and nothing where there are none.
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return sum }
        return UInt32(truncatingIfNeeded: crc32_z(UInt(sum), base, bytes.count))
    }
}
