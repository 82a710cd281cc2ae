import CZlib

/// The unpacked bytes of a gzip file (RFC 1952), which may have several members one after the other, as `cat` and
/// parallel compressors make them. Zeros after the last member are passed over, as gzip does; anything else there, and a
/// file that ends too early, is an error. Memory is bounded whatever the file unpacks to.
final class GzipSource: ByteSource {
    private let packed: any ByteSource
    private let name: String
    /// Its address must not change while zlib uses it: the state in it points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8] = []
    private var used = 0
    private var state = State.within
    private static let chunk = 1 << 17

    private enum State {
        /// In a member.
        case within
        /// Behind a member.
        case between
        case ended
    }

    init(_ packed: any ByteSource, name: String) throws {
        self.packed = packed
        self.name = name
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard skein_inflate_init_gzip(stream) == Z_OK else {
            throw DatasetError(.io, "cannot unpack \(name): no memory for zlib")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func read() throws -> [UInt8] {
        while state != .ended {
            if used == input.count {
                input = try packed.read()
                used = 0
                if input.isEmpty {
                    guard state == .between else {
                        throw DatasetError(
                            .io, "\(name) is cut short: it ends within the compressed data; copy or download it again")
                    }
                    state = .ended
                    break
                }
            }
            if state == .between {
                while used < input.count, input[used] == 0 { used += 1 }
                guard used < input.count else { continue }
                guard inflateReset(stream) == Z_OK else { throw damaged("zlib cannot start again") }
                state = .within
            }
            let output = try unpack()
            if !output.isEmpty { return output }
        }
        return []
    }

    /// One call of zlib over what input is left.
    private func unpack() throws -> [UInt8] {
        var status = Z_OK
        let output = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
            input.withUnsafeMutableBufferPointer { bytes in
                // SAFETY: both pointers are used by `inflate` alone, which returns before either buffer goes away; the
                // counts are those of the buffers, and `used` never exceeds the input's.
                stream.pointee.next_in = bytes.baseAddress.map { $0 + used }
                stream.pointee.avail_in = UInt32(bytes.count - used)
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                status = inflate(stream, Z_NO_FLUSH)
                used = bytes.count - Int(stream.pointee.avail_in)
                stream.pointee.next_in = nil
            }
            count = buffer.count - Int(stream.pointee.avail_out)
            stream.pointee.next_out = nil
        }
        switch status {
        case Z_STREAM_END: state = .between
        case Z_OK: break
        // No progress was possible: there is more to read first.
        case Z_BUF_ERROR where used == input.count: break
        default: throw damaged(stream.pointee.msg.map { String(cString: $0) } ?? "zlib's status \(status)")
        }
        return output
    }

    private func damaged(_ why: String) -> DatasetError {
        DatasetError(.io, "\(name) is damaged: \(why); check it with: gzip -t \(name)")
    }
}
