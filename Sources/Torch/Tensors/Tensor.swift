import CTorch

/// One libtorch tensor: owns one C handle and gives it back in `deinit`.
///
/// Not Sendable: a tensor stays on the thread that computes (see ``ComputeExecutor``). A copy of the reference is the
/// same tensor. Every operation throws ``TorchError`` with libtorch's own message when it refuses, so that a whole
/// expression is one `try`: `try ((a * b).sum())`.
package final class Tensor {
    /// The C handle, for fused operations in this module and its C target alone.
    let handle: OpaquePointer

    /// Takes ownership of `handle`.
    init(owning handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        ctorch_release(handle)
    }

    /// Runs a C call that hands out a new tensor.
    static func make(_ call: (UnsafeMutablePointer<OpaquePointer?>) -> ctorch_status) throws -> Tensor {
        var out: OpaquePointer?
        try check(call(&out))
        guard let out else { throw TorchError(.libtorch, "libtorch handed out no tensor") }
        return Tensor(owning: out)
    }

    // MARK: What it is

    package var rank: Int { Int(ctorch_rank(handle)) }

    package var shape: [Int] {
        (0..<ctorch_rank(handle)).map { Int(ctorch_size(handle, $0)) }
    }

    /// Number of elements.
    package var count: Int { Int(ctorch_count(handle)) }

    package var dtype: DType {
        get throws {
            var code = CTORCH_FLOAT32
            try check(ctorch_dtype_of(handle, &code))
            guard let dtype = DType(rawValue: code.rawValue) else {
                throw TorchError(.libtorch, "unknown dtype code \(code.rawValue)")
            }
            return dtype
        }
    }

    package var device: Device {
        var type = CTORCH_CPU
        var index: Int32 = 0
        ctorch_device_of(handle, &type, &index)
        return switch type {
        case CTORCH_CUDA: .cuda(Int(index))
        case CTORCH_MPS: .mps
        default: .cpu
        }
    }

    /// Size of one dimension; negative ones count from the end.
    package func size(_ dimension: Int) -> Int {
        Int(ctorch_size(handle, Int32(clamping: dimension < 0 ? dimension + rank : dimension)))
    }

    // MARK: Creation

    /// A tensor on the CPU from row-major values; `shape` nil = one dimension.
    package static func of<Element: TensorElement>(
        _ values: [Element], shape: [Int]? = nil, device: Device = .cpu
    ) throws -> Tensor {
        let tensor = try values.withUnsafeBytes {
            try Tensor.of(bytes: $0, dtype: Element.dtype, shape: shape ?? [values.count])
        }
        return device == .cpu ? tensor : try tensor.to(device: device)
    }

    /// A tensor on the CPU from little-endian row-major bytes, copied; their number must fit dtype and shape exactly.
    package static func of(bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) throws -> Tensor {
        try Tensor.make { out in
            withShape(shape) { ctorch_from_bytes(bytes.baseAddress, bytes.count, dtype.code, $0, $1, out) }
        }
    }

    package static func full(
        _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
    ) throws -> Tensor {
        try Tensor.make { out in
            withShape(shape) { ctorch_full($0, $1, value, dtype.code, device.type, device.index, out) }
        }
    }

    package static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
        try full(shape, 0, dtype: dtype, device: device)
    }

    package static func zeros(like other: Tensor) throws -> Tensor {
        try full(other.shape, 0, dtype: other.dtype, device: other.device)
    }

    package static func arange(
        _ range: Range<Int>, dtype: DType = .int64, device: Device = .cpu
    ) throws -> Tensor {
        try Tensor.make {
            ctorch_arange(
                Int64(range.lowerBound), Int64(range.upperBound), dtype.code, device.type, device.index, $0)
        }
    }

    // MARK: Moving and copying out

    package func to(dtype: DType? = nil, device: Device? = nil) throws -> Tensor {
        let dtype = try dtype ?? self.dtype
        let device = device ?? self.device
        return try Tensor.make { ctorch_to(handle, dtype.code, device.type, device.index, $0) }
    }

    /// All elements, row-major; the tensor's dtype must be that of `Element`.
    package func values<Element: TensorElement>(as type: Element.Type = Element.self) throws -> [Element] {
        let own = try dtype
        guard own == Element.dtype else {
            throw TorchError(.argument, "the tensor holds \(own), asked for \(Element.dtype)")
        }
        let count = count
        return try [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            try check(ctorch_copy_out(handle, buffer.baseAddress, count * own.size))
            initialized = count
        }
    }

    /// All elements as Float, whatever the dtype.
    package func floats() throws -> [Float] {
        try (dtype == .float32 ? self : to(dtype: .float32)).values()
    }

    /// The one element of a tensor of one element.
    package func item() throws -> Double {
        guard count == 1 else { throw TorchError(.argument, "item() of a tensor of shape \(shape)") }
        let values: [Double] = try to(dtype: .float64).values()
        return values[0]
    }

    /// Copies the elements, little endian and row-major, into `target`, which must have exactly their size.
    package func copyBytes(to target: UnsafeMutableRawBufferPointer) throws {
        try check(ctorch_copy_out(handle, target.baseAddress, target.count))
    }

    /// Number of bytes of all elements.
    package var byteCount: Int {
        get throws { try count * dtype.size }
    }

    /// Reads the elements of a contiguous CPU tensor where they lie; copies others first.
    package func withElements<Element: TensorElement, Result>(
        of type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) throws -> Result {
        let own = try dtype
        guard own == Element.dtype else {
            throw TorchError(.argument, "the tensor holds \(own), asked for \(Element.dtype)")
        }
        guard let data = ctorch_data(handle) else {
            return try values(as: Element.self).withUnsafeBufferPointer(body)
        }
        defer { withExtendedLifetime(self) {} }
        // SAFETY: ctorch_data gives the start of `count` contiguous elements of this dtype, alive as long as self.
        return try body(
            UnsafeBufferPointer(start: UnsafePointer(data.assumingMemoryBound(to: Element.self)), count: count))
    }
}

extension Tensor {
    /// Reads the bytes of all elements, row-major, where they lie if that is possible.
    func withRawBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let size = try byteCount
        if let data = ctorch_data(handle) {
            defer { withExtendedLifetime(self) {} }
            // SAFETY: ctorch_data gives the start of all elements, contiguous and alive as long as self.
            return try body(UnsafeRawBufferPointer(start: data, count: size))
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { copy.deallocate() }
        try copyBytes(to: copy)
        return try body(UnsafeRawBufferPointer(copy))
    }
}

/// Passes a shape to C as 64-bit sizes.
func withShape<Result>(_ shape: [Int], _ body: (UnsafePointer<Int64>?, Int32) -> Result) -> Result {
    shape.map(Int64.init).withUnsafeBufferPointer { body($0.baseAddress, Int32(clamping: $0.count)) }
}
