import CTorch

/// Element type of a tensor.
package enum DType: UInt32, Sendable, Hashable, CaseIterable {
    case float32 = 0
    case bfloat16, float16, float64, int64, int32, int16, int8, uint8, bool

    var code: ctorch_dtype { ctorch_dtype(rawValue: rawValue) }

    /// Bytes of one element.
    package var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .bfloat16, .float16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    package var isFloatingPoint: Bool {
        switch self {
        case .float32, .bfloat16, .float16, .float64: true
        default: false
        }
    }
}

/// Where a tensor lives.
package enum Device: Sendable, Hashable, CustomStringConvertible {
    case cpu
    case cuda(Int)
    /// Apple's GPUs.
    case mps

    /// From `cpu`, `cuda`, `cuda:N` or `mps`; nil for anything else.
    package init?(_ text: String) {
        if text == "cpu" {
            self = .cpu
        } else if text == "mps" {
            self = .mps
        } else if text == "cuda" {
            self = .cuda(0)
        } else if text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), (0..<1024).contains(index) {
            self = .cuda(index)
        } else {
            return nil
        }
    }

    /// A device that this libtorch can compute on.
    ///
    /// - Throws: ``TorchError`` that says what is wrong with the name or missing.
    package static func named(_ text: String) throws -> Device {
        guard let device = Device(text) else {
            throw TorchError(.argument, "device: '\(text)' is none; write cpu, cuda, cuda:N or mps")
        }
        let isThere =
            switch device {
            case .cpu: true
            case .cuda: ctorch_has_cuda()
            case .mps: ctorch_has_mps()
            }
        guard isThere else {
            throw TorchError(
                .argument, "device: \(text) is not to be had with this libtorch on this machine; write cpu")
        }
        return device
    }

    package var description: String {
        switch self {
        case .cpu: "cpu"
        case .mps: "mps"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    var type: ctorch_device {
        switch self {
        case .cpu: CTORCH_CPU
        case .mps: CTORCH_MPS
        case .cuda: CTORCH_CUDA
        }
    }

    var index: Int32 {
        switch self {
        case .cpu, .mps: 0
        case .cuda(let index): Int32(clamping: index)
        }
    }
}

/// A Swift type whose values lie in memory as the elements of one `DType`.
package protocol TensorElement: BitwiseCopyable, Sendable {
    static var dtype: DType { get }
}

extension Float: TensorElement { package static var dtype: DType { .float32 } }
extension Double: TensorElement { package static var dtype: DType { .float64 } }
extension Int64: TensorElement { package static var dtype: DType { .int64 } }
extension Int32: TensorElement { package static var dtype: DType { .int32 } }
extension UInt8: TensorElement { package static var dtype: DType { .uint8 } }
extension Bool: TensorElement { package static var dtype: DType { .bool } }
