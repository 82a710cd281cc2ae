import Foundation
import Torch

/// Fresh weights from a seed; independent of libtorch's generator and of the order in which tensors are made.
enum Initialization {
    /// - Parameter index: of the tensor in the fixed order of the model's parameters.
    static func tensor(
        _ specification: TensorSpecification, seed: UInt64, index: Int, dtype: DType, device: Device
    ) throws -> Tensor {
        switch specification.initial {
        case .ones: return try Tensor.full(specification.shape, 1, dtype: dtype, device: device)
        case .zeros: return try Tensor.full(specification.shape, 0, dtype: dtype, device: device)
        case .normal(let deviation):
            let count = specification.shape.reduce(1, *)
            let values = normal(
                count, deviation: deviation, key: RandomKey(seed: seed, step: -1, row: index, sample: 0))
            return try Tensor.of(values, shape: specification.shape).to(dtype: dtype, device: device)
        }
    }

    /// Numbers in [-bound, bound), four of each block.
    static func uniform(_ count: Int, bound: Double, key: RandomKey) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        for start in stride(from: 0, to: count, by: 4) {
            let words = key.bits(start / 4)
            for index in start..<min(start + 4, count) {
                values[index] = Float((Double(words[index - start]) * 0x1p-31 - 1) * bound)
            }
        }
        return values
    }

    /// Normal numbers with mean 0 (Box and Muller 1958), four of each block.
    static func normal(_ count: Int, deviation: Double, key: RandomKey) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        var index = 0
        while index < count {
            let words = key.bits(index / 4)
            for pair in 0..<2 {
                // (0, 1], so that the logarithm is finite.
                let u = (Double(words[pair * 2]) + 1) * 0x1p-32
                let angle = Double(words[pair * 2 + 1]) * 0x1p-32 * 2 * Double.pi
                let radius = deviation * (-2 * log(u)).squareRoot()
                if index < count { values[index] = Float(radius * cos(angle)) }
                if index + 1 < count { values[index + 1] = Float(radius * sin(angle)) }
                index += 2
            }
        }
        return values
    }
}
