import Foundation

/// Figures of one step as TensorBoard's event files hold them (tensorflow/core/util/event.proto): the few fields that are
/// needed, written and read by hand.
struct Event: Equatable {
    /// Seconds of the epoch.
    var wallTime: Double
    var step: Int
    /// By name; TensorBoard keeps single precision.
    var scalars: [String: Float]

    /// The first record of every file.
    static func version(wallTime: Double) -> Data {
        var message = ProtobufWriter()
        message.double(1, wallTime)
        message.bytes(3, Data("brain.Event:2".utf8))
        return message.data
    }

    func encoded() -> Data {
        var summary = ProtobufWriter()
        for (tag, value) in scalars.sorted(by: { $0.key < $1.key }) {
            var scalar = ProtobufWriter()
            scalar.bytes(1, Data(tag.utf8))
            scalar.float(2, value)
            summary.bytes(1, scalar.data)
        }
        var message = ProtobufWriter()
        message.double(1, wallTime)
        message.integer(2, UInt64(max(0, step)))
        message.bytes(5, summary.data)
        return message.data
    }
}

/// The framing of event files (tensorflow/core/lib/io/record_writer.h): length, its checksum, data, their checksum.
enum EventRecord {
    private static let headerBytes = 12

    static func framed(_ data: Data) -> Data {
        let length = littleEndian(UInt64(data.count))
        return length + littleEndian(CRC32C.masked(length)) + data + littleEndian(CRC32C.masked(data))
    }

    /// The whole records of a file, as far as they are intact: a crash may have cut the last one.
    static func records(in file: Data) -> [Data] {
        var found: [Data] = []
        var rest = file[...]
        while rest.count >= headerBytes {
            let header = rest.prefix(8)
            guard let count = Int(exactly: integer(header)),
                UInt32(truncatingIfNeeded: integer(rest.dropFirst(8).prefix(4))) == CRC32C.masked(header)
            else { break }
            let behind = rest.dropFirst(headerBytes)
            guard behind.count >= 4, count <= behind.count - 4 else { break }
            let data = behind.prefix(count)
            guard UInt32(truncatingIfNeeded: integer(behind.dropFirst(count).prefix(4))) == CRC32C.masked(data) else {
                break
            }
            found.append(Data(data))
            rest = behind.dropFirst(count + 4)
        }
        return found
    }

    private static func littleEndian<T: FixedWidthInteger>(_ value: T) -> Data {
        withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }

    private static func integer(_ bytes: Data) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}

/// The Castagnoli checksum of RFC 3720, section 12.1, and the mask that TensorFlow puts over it.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }

    static func of(_ data: Data) -> UInt32 {
        ~data.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }

    static func masked(_ data: Data) -> UInt32 {
        let crc = of(data)
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
}

/// Fields of a protobuf message, one behind the other.
private struct ProtobufWriter {
    private(set) var data = Data()

    mutating func integer(_ field: UInt64, _ value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    mutating func double(_ field: UInt64, _ value: Double) {
        varint(field << 3 | 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    mutating func bytes(_ field: UInt64, _ value: Data) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        data.append(value)
    }

    mutating func float(_ field: UInt64, _ value: Float) {
        varint(field << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}
