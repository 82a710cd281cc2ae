import Foundation
import Torch

/// Rotary position embeddings (Su et al. 2021), in the halves layout of Hugging Face's Llama.
///
/// Turns the first R of a head's D elements; R is the head size except in families with partial rotation.
final class RotaryEmbedding {
    /// R / 2 angles a position.
    private let frequencies: [Float]
    /// Cosines and sines are multiplied by it; 1 except with YaRN and LongRoPE.
    private let attentionFactor: Double
    private var table: (cos: Tensor, sin: Tensor, length: Int, device: Device)?

    /// - Parameter size: R, even.
    init(size: Int, _ rotary: Rotary) {
        frequencies = RotaryFrequencies.make(size: size, rotary).map { Float($0) }
        attentionFactor = RotaryFrequencies.attentionFactor(rotary.scaling)
    }

    /// cos and sin of the angles. positions [1 or B, T] below `limit` -> two tensors [1 or B, 1, T, R] fp32
    func angles(_ positions: Tensor, below limit: Int) throws -> (cos: Tensor, sin: Tensor) {
        let table = try tables(limit, device: positions.device)
        let (rows, width, size) = (positions.size(0), positions.size(1), frequencies.count * 2)
        let flat = try positions.reshape([-1])
        let shape = [rows, 1, width, size]
        return (try table.cos.indexSelect(0, flat).reshape(shape), try table.sin.indexSelect(0, flat).reshape(shape))
    }

    /// cos and sin for positions from 0 to at least `limit`: [positions, R] fp32
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
            let c = angles.map { Float(cos($0) * attentionFactor) }
            let s = angles.map { Float(sin($0) * attentionFactor) }
            cosines += c + c
            sines += s + s
        }
        let shape = [length, frequencies.count * 2]
        return (
            try Tensor.of(cosines, shape: shape, device: device), try Tensor.of(sines, shape: shape, device: device),
            length, device
        )
    }

    /// x [B, H, T, D] whose first R elements are turned by the angles of its positions; the others pass.
    static func rotate(_ x: Tensor, _ turn: Turn) throws -> Tensor {
        try x.rotated(cos: turn.cos, sin: turn.sin)
    }

    /// Cosines and sines of one pass, [1 or B, 1, T, R] in the type of the weights.
    struct Turn {
        let cos: Tensor
        let sin: Tensor
    }
}
