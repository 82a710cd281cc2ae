import Foundation

/// The checked header of a safetensors file: 8 bytes of length (little endian), JSON, then the elements.
///
/// Rules are those of the format's reference implementation: a header of at most 100 MB, offsets that cover the
/// rest of the file exactly once, sizes that fit dtype and shape. Every number is taken with overflow checks.
struct SafetensorsHeader {
    struct Entry {
        let dtype: DType
        let shape: [Int]
        /// Bytes from the start of the file.
        let range: Range<Int>
    }

    static let longest = 100_000_000

    private(set) var entries: [String: Entry] = [:]
    private(set) var metadata: [String: String] = [:]

    /// - Parameter source: what messages call the file.
    init(_ bytes: UnsafeRawBufferPointer, source: String) throws {
        func bad(_ what: String) -> TorchError {
            TorchError(.safetensors, "\(source) is not a good safetensors file: \(what)")
        }
        guard bytes.count >= 8 else { throw bad("it has \(bytes.count) bytes, too few for a header") }
        let stated = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard stated <= UInt64(Self.longest), let length = Int(exactly: stated) else {
            throw bad("its header claims \(stated) bytes, more than \(Self.longest)")
        }
        guard length <= bytes.count - 8 else {
            throw bad("its header claims \(length) bytes, but only \(bytes.count - 8) follow; the file is truncated")
        }
        let start = 8 + length
        let parsed: Raw
        do {
            parsed = try JSONDecoder().decode(Raw.self, from: Data(bytes[8..<start]))
        } catch {
            throw TorchError(
                .safetensors, "\(source) is not a good safetensors file: its header is not the JSON expected",
                cause: error)
        }
        metadata = parsed.metadata
        for (name, raw) in parsed.entries {
            guard let dtype = DType(safetensors: raw.dtype) else {
                throw bad("tensor '\(name)' has the unknown type '\(raw.dtype)'")
            }
            guard raw.data_offsets.count == 2, raw.data_offsets[0] >= 0, raw.data_offsets[0] <= raw.data_offsets[1]
            else { throw bad("tensor '\(name)' has the offsets \(raw.data_offsets)") }
            let (from, overflow) = start.addingReportingOverflow(raw.data_offsets[0])
            let (end, overflowToo) = start.addingReportingOverflow(raw.data_offsets[1])
            guard !overflow, !overflowToo, end <= bytes.count else {
                throw bad(
                    "tensor '\(name)' ends at byte \(raw.data_offsets[1]) of the data, which has \(bytes.count - start); "
                        + "the file is truncated or its header lies")
            }
            guard let size = Self.byteCount(raw.shape, dtype) else {
                throw bad("tensor '\(name)' has the impossible shape \(raw.shape)")
            }
            guard size == end - from else {
                throw bad("tensor '\(name)' of shape \(raw.shape) needs \(size) bytes, its offsets give \(end - from)")
            }
            entries[name] = Entry(dtype: dtype, shape: raw.shape, range: from..<end)
        }
        var covered = start
        for (name, entry) in entries.sorted(by: {
            ($0.value.range.lowerBound, $0.value.range.upperBound) < (
                $1.value.range.lowerBound, $1.value.range.upperBound
            )
        }) {
            guard entry.range.lowerBound == covered else {
                throw bad(
                    "tensor '\(name)' starts at byte \(entry.range.lowerBound - start) of the data, expected "
                        + "\(covered - start): tensors overlap or leave a hole")
            }
            covered = entry.range.upperBound
        }
        guard covered == bytes.count else {
            throw bad("\(bytes.count - covered) bytes at its end belong to no tensor")
        }
    }

    /// nil when a size is negative or the product overflows.
    static func byteCount(_ shape: [Int], _ dtype: DType) -> Int? {
        guard shape.count <= 64 else { return nil }
        var product = dtype.size
        for size in shape {
            guard size >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            guard !overflow else { return nil }
            product = next
        }
        return product
    }

    private struct Raw: Decodable {
        struct Entry: Decodable {
            let dtype: String
            let shape: [Int]
            let data_offsets: [Int]
        }

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys {
                if key.stringValue == "__metadata__" {
                    metadata = try container.decode([String: String].self, forKey: key)
                } else {
                    entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
                }
            }
        }
    }
}

extension DType {
    private static let safetensorsNames: [(DType, String)] = [
        (.float32, "F32"), (.bfloat16, "BF16"), (.float16, "F16"), (.float64, "F64"), (.int64, "I64"),
        (.int32, "I32"), (.int16, "I16"), (.int8, "I8"), (.uint8, "U8"), (.bool, "BOOL"),
    ]

    init?(safetensors name: String) {
        guard let found = Self.safetensorsNames.first(where: { $0.1 == name }) else { return nil }
        self = found.0
    }

    var safetensorsName: String {
        Self.safetensorsNames.first { $0.0 == self }?.1 ?? "F32"
    }
}
