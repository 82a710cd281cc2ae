/// The alphabet in which byte-level vocabularies write bytes: printable Latin-1 stands for itself, the other 68 bytes
/// for U+0100 and up. Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), whose
/// tokenizer brought it in.
enum ByteAlphabet {
    /// The scalar of each byte, below U+0144.
    static let scalars: [UInt16] = {
        var next: UInt16 = 256
        return (0..<256).map { byte in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
                return UInt16(byte)
            }
            defer { next += 1 }
            return next
        }
    }()

    /// The byte of each scalar below U+0144, -1 where there is none.
    static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar)] = Int16(byte) }
        return table
    }()

    /// Appends the UTF-8 of the scalar for `byte`.
    @inline(__always)
    static func append(_ byte: UInt8, to output: inout [UInt8], _ scalars: [UInt16]) {
        let scalar = scalars[Int(byte)]
        if scalar < 0x80 {
            output.append(UInt8(truncatingIfNeeded: scalar))
        } else {
            output.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
            output.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        }
    }

    /// The bytes of a text in this alphabet; nil if it has a scalar outside it.
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        let table = bytes
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        return text.withUnsafeBufferPointer { buffer in
            var position = 0
            while position < buffer.count {
                let (scalar, length) = decodeScalar(buffer, position)
                guard scalar.value < 0x144, table[Int(scalar.value)] >= 0 else { return nil }
                output.append(UInt8(truncatingIfNeeded: table[Int(scalar.value)]))
                position += length
            }
            return output
        }
    }
}
