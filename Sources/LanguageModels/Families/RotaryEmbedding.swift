import Foundation
import Torch

/// Rotary position embeddings (Su et al. 2021), in the halves layout of Hugging Face's Llama.
final class RotaryEmbedding {
    private let frequencies: [Float]
    private var table: (cos: Tensor, sin: Tensor, length: Int, device: Device)?

    init(_ configuration: ModelConfiguration) {
        let size = configuration.headSize
        let plain = stride(from: 0, to: size, by: 2).map { 1 / pow(configuration.ropeTheta, Double($0) / Double(size)) }
        frequencies = plain.map { Float(Self.stretched($0, configuration.ropeScaling)) }
    }

    private static func stretched(_ frequency: Double, _ scaling: ModelConfiguration.RotaryScaling) -> Double {
        switch scaling {
        case .none: return frequency
        case .linear(let factor): return frequency / factor
        case .llama3(let factor, let low, let high, let context):
            let wavelength = 2 * Double.pi / frequency
            if wavelength > Double(context) / low { return frequency / factor }
            if wavelength < Double(context) / high { return frequency }
            let ramp = (Double(context) / wavelength - low) / (high - low)
            return (1 - ramp) * frequency / factor + ramp * frequency
        }
    }

    /// cos and sin of the angles. positions [1 or B, T] below `limit` -> two tensors [1 or B, 1, T, D] fp32
    func angles(_ positions: Tensor, below limit: Int) throws -> (cos: Tensor, sin: Tensor) {
        let table = try tables(limit, device: positions.device)
        let (rows, width, size) = (positions.size(0), positions.size(1), frequencies.count * 2)
        let flat = try positions.reshape([-1])
        let shape = [rows, 1, width, size]
        return (try table.cos.indexSelect(0, flat).reshape(shape), try table.sin.indexSelect(0, flat).reshape(shape))
    }

    /// cos and sin for positions from 0 to at least `limit`: [positions, D] fp32
    func tables(_ limit: Int, device: Device) throws -> (cos: Tensor, sin: Tensor) {
        if let table, table.length >= limit, table.device == device { return (table.cos, table.sin) }
        let made = try noGrad { try makeTable(limit, device) }
        table = made
        return (made.cos, made.sin)
    }

    private func makeTable(_ limit: Int, _ device: Device) throws -> (
        cos: Tensor, sin: Tensor, length: Int, device: Device
    ) {
        // Doubling keeps growing sequences from making a table each.
        var length = 256
        while length < limit { length *= 2 }
        var cosines: [Float] = []
        var sines: [Float] = []
        cosines.reserveCapacity(length * frequencies.count * 2)
        sines.reserveCapacity(length * frequencies.count * 2)
        for position in 0..<length {
            // The angle is rounded to fp32 as the published models' training did.
            let angles = frequencies.map { Double(Float(position) * $0) }
            let c = angles.map { Float(cos($0)) }
            let s = angles.map { Float(sin($0)) }
            cosines += c + c
            sines += s + s
        }
        let shape = [length, frequencies.count * 2]
        return (
            try Tensor.of(cosines, shape: shape, device: device), try Tensor.of(sines, shape: shape, device: device),
            length, device
        )
    }

    /// x [B, H, T, D] turned by the angles of its positions.
    static func rotate(_ x: Tensor, _ cos: Tensor, _ sin: Tensor) throws -> Tensor {
        let half = x.size(-1) / 2
        let first = try x.slice(-1, 0..<half)
        let second = try x.slice(-1, half..<(half * 2))
        return try x * cos + Tensor.cat([-second, first], -1) * sin
    }
}
