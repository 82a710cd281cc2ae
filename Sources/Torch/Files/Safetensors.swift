import AtomicFiles
package import Foundation

/// An opened safetensors file: names, shapes and types at once, elements on demand.
///
/// Everything the header says is checked when it is opened; a file that is truncated or lies is refused then.
package final class Safetensors: @unchecked Sendable {
    // SAFETY: all fields are constants; the bytes are only read.
    private enum Storage {
        case mapped(MappedFile)
        case memory(Data)
    }

    private let storage: Storage
    private let header: SafetensorsHeader
    /// What messages call the file.
    package let source: String

    /// Maps the file at `path`.
    package init(path: String) throws {
        let file = try MappedFile(path: path)
        source = "'\(path)'"
        storage = .mapped(file)
        header = try SafetensorsHeader(file.bytes, source: source)
    }

    /// Reads from memory; `name` is what messages call it.
    package init(data: Data, name: String) throws {
        source = "'\(name)'"
        storage = .memory(data)
        let source = source
        header = try data.withUnsafeBytes { try SafetensorsHeader($0, source: source) }
    }

    /// Sorted.
    package var names: [String] { header.entries.keys.sorted() }
    package var metadata: [String: String] { header.metadata }

    package func contains(_ name: String) -> Bool { header.entries[name] != nil }
    package func shape(of name: String) -> [Int]? { header.entries[name]?.shape }
    package func dtype(of name: String) -> DType? { header.entries[name]?.dtype }

    /// A copy of one tensor, in the type it has in the file, on the CPU.
    package func tensor(_ name: String) throws -> Tensor {
        guard let entry = header.entries[name] else {
            throw TorchError(.safetensors, "\(source) has no tensor '\(name)'")
        }
        let copy = try withBytes { bytes in
            try Tensor.of(
                bytes: UnsafeRawBufferPointer(rebasing: bytes[entry.range]), dtype: entry.dtype, shape: entry.shape)
        }
        if case .mapped(let file) = storage { file.forget(entry.range) }
        return copy
    }

    /// Copies of all tensors.
    package func tensors() throws -> [String: Tensor] {
        var all: [String: Tensor] = [:]
        for name in names { all[name] = try tensor(name) }
        return all
    }

    private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch storage {
        case .mapped(let file): try withExtendedLifetime(file) { try body(file.bytes) }
        case .memory(let data): try data.withUnsafeBytes(body)
        }
    }
}

// MARK: Writing

extension Safetensors {
    /// Writes atomically (``AtomicFile``). The bytes depend on names, types, shapes, elements and metadata alone.
    ///
    /// - Parameters:
    ///   - metadata: `format: pt` is what other readers ask for before they load a model.
    ///   - synced: as in ``AtomicFile``.
    package static func write(
        _ tensors: [NamedTensor], to path: String, metadata: [String: String] = ["format": "pt"], synced: Bool = true
    ) throws {
        try AtomicFile.write(to: path, synced: synced) { try emit(tensors, metadata, $0) }
    }

    /// The same bytes in memory.
    package static func data(
        _ tensors: [NamedTensor], metadata: [String: String] = ["format": "pt"]
    ) throws -> Data {
        var data = Data()
        let elements = try tensors.reduce(0) { try $0 + $1.tensor.byteCount }
        data.reserveCapacity(elements + 256 * (tensors.count + 1))
        try emit(tensors, metadata) { data.append(contentsOf: $0) }
        return data
    }

    private static func emit(_ tensors: [NamedTensor], _ metadata: [String: String], _ sink: AtomicFile.Sink) throws {
        var plan: [(name: String, tensor: Tensor, dtype: DType, size: Int)] = []
        var seen: Set<String> = []
        for named in tensors {
            guard seen.insert(named.name).inserted, named.name != "__metadata__" else {
                throw TorchError(.argument, "tensor name '\(named.name)' cannot be written (twice)")
            }
            plan.append((named.name, named.tensor, try named.tensor.dtype, try named.tensor.byteCount))
        }
        // Wide elements first, so that every tensor is aligned to its elements, as the reference writer does.
        plan.sort { ($1.dtype.size, $0.name) < ($0.dtype.size, $1.name) }
        var parts: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            parts.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for item in plan {
            let shape = item.tensor.shape.map(String.init).joined(separator: ",")
            parts.append(
                "\(quoted(item.name)):{\"dtype\":\"\(item.dtype.safetensorsName)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(offset + item.size)]}")
            offset += item.size
        }
        var header = Array("{\(parts.joined(separator: ","))}".utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try sink($0) }
        try header.withUnsafeBytes { try sink($0) }
        for item in plan {
            try item.tensor.withRawBytes { try sink($0) }
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
