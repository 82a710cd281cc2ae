import ClusterModel
import Foundation
import SkeinProto
import Transport

typealias Proto = Skein_V1_Envelope

/// Reads the raw frames beside an envelope, each once and in order.
struct FrameReader {
    private var frames: ArraySlice<[UInt8]>

    init(_ frames: ArraySlice<[UInt8]>) { self.frames = frames }

    mutating func next(_ what: String) throws -> [UInt8] {
        guard let frame = frames.popFirst() else { throw ClusterError(.malformed, "the frame of \(what) is missing") }
        return frame
    }

    mutating func int32s(_ what: String) throws -> [Int32] {
        try Self.numbers(try next(what), what) { Int32(littleEndian: $0) }
    }

    mutating func uint32s(_ what: String) throws -> [UInt32] {
        try Self.numbers(try next(what), what) { UInt32(littleEndian: $0) }
    }

    mutating func floats(_ what: String) throws -> [Float] {
        try uint32s(what).map { Float(bitPattern: $0) }
    }

    func finish() throws {
        guard frames.isEmpty else { throw ClusterError(.malformed, "the message has \(frames.count) frames too many") }
    }

    private static func numbers<T: BitwiseCopyable>(
        _ bytes: [UInt8], _ what: String, _ convert: (T) -> T
    ) throws -> [T] {
        guard bytes.count % 4 == 0 else {
            throw ClusterError(.malformed, "the frame of \(what) has \(bytes.count) bytes, not a multiple of 4")
        }
        return bytes.withUnsafeBytes { buffer in
            (0..<bytes.count / 4).map { convert(buffer.loadUnaligned(fromByteOffset: $0 * 4, as: T.self)) }
        }
    }
}

enum BulkFrames {
    static func bytes<T: FixedWidthInteger & BitwiseCopyable>(_ values: [T]) -> [UInt8] {
        values.map(\.littleEndian).withUnsafeBytes { [UInt8]($0) }
    }

    static func bytes(_ values: [Float]) -> [UInt8] { bytes(values.map(\.bitPattern)) }
}

/// A piece of a list that a count announces; counts come from outside and may lie.
struct Pieces<T> {
    private var rest: ArraySlice<T>
    private let what: String

    init(_ values: [T], _ what: String) {
        rest = values[...]
        self.what = what
    }

    mutating func take(_ count: UInt32) throws -> [T] {
        guard count <= rest.count else { throw ClusterError(.malformed, "\(what): counts and frame do not agree") }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
    }

    func finish() throws {
        guard rest.isEmpty else { throw ClusterError(.malformed, "\(what): counts and frame do not agree") }
    }
}
