import Testing

@testable import Torch

/// Attention of whole sequences in blocks, beside libtorch's with a mask of the whole width.
@Suite struct CausalAttentionTests {
    private func leaf(_ shape: [Int], _ phase: Double, _ dtype: DType = .float32) throws -> Tensor {
        let numbers = try (Tensor.arange(0..<shape.reduce(1, *)).to(dtype: .float32) * 0.7548777 + phase).sin()
        let tensor = try numbers.reshape(shape).to(dtype: dtype).detach()
        try tensor.setRequiresGrad(true)
        return tensor
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var lines: Int
        var heads: Int
        var keyHeads: Int
        var width: Int
        var window: Int?
        /// Start in [B * T] and length; empty = plain lines.
        var sequences: [(start: Int, length: Int)] = []
        var testDescription: String {
            "\(lines) x \(width), \(heads) over \(keyHeads) heads, window \(window ?? 0), \(sequences.count) sequences"
        }
    }

    private static let cases = [
        Case(lines: 2, heads: 4, keyHeads: 2, width: 9), Case(lines: 2, heads: 2, keyHeads: 2, width: 9, window: 4),
        // Blocks of queries with windows within one, over two and over three of them.
        Case(lines: 1, heads: 2, keyHeads: 1, width: 1100, window: 5),
        Case(lines: 2, heads: 3, keyHeads: 1, width: 1030, window: 512),
        Case(lines: 1, heads: 2, keyHeads: 2, width: 1200, window: 700),
        Case(lines: 2, heads: 4, keyHeads: 2, width: 12, sequences: [(0, 5), (5, 1), (6, 3), (12, 12)]),
        Case(lines: 2, heads: 2, keyHeads: 1, width: 12, window: 3, sequences: [(2, 10), (12, 2), (14, 7)]),
        Case(lines: 1, heads: 2, keyHeads: 1, width: 1500, window: 600, sequences: [(0, 1100), (1100, 390)]),
    ]

    /// What a place may look at, and whether it belongs to a sequence.
    private func mask(_ one: Case) -> (allowed: [Bool], real: [Bool]) {
        let (lines, width) = (one.lines, one.width)
        var owner = [Int](repeating: -1, count: lines * width)
        let sequences =
            one.sequences.isEmpty ? (0..<lines).map { (start: $0 * width, length: width) } : one.sequences
        for (index, sequence) in sequences.enumerated() {
            for place in sequence.start..<(sequence.start + sequence.length) { owner[place] = index }
        }
        var allowed = [Bool](repeating: false, count: lines * width * width)
        for line in 0..<lines {
            for query in 0..<width {
                for key in 0...query {
                    let same = owner[line * width + query] == owner[line * width + key]
                    let near = query - key < one.window ?? .max
                    allowed[(line * width + query) * width + key] = (same && near) || query == key
                }
            }
        }
        return (allowed, owner.map { $0 >= 0 })
    }

    @Test(arguments: cases) func valuesAndGradientsAreThoseWithAMask(_ one: Case) throws {
        let (lines, width, size) = (one.lines, one.width, 4)
        let (allowed, real) = mask(one)
        let look = try Tensor.of(allowed, shape: [lines, 1, width, width])
        // Padding counts neither forward nor backward.
        let counted = try Tensor.of(real.map { $0 ? Float(1) : 0 }, shape: [lines, 1, width, 1])
        func outcome(_ attend: (Tensor, Tensor, Tensor) throws -> Tensor) throws -> [Tensor] {
            // Laid out as projections give them: [B, T, H, D], seen as [B, H, T, D].
            let leaves = [
                try leaf([lines, width, one.heads, size], 0.2), try leaf([lines, width, one.keyHeads, size], 0.9),
                try leaf([lines, width, one.keyHeads, size], 1.7),
            ]
            let heads = try leaves.map { try $0.transpose(1, 2) }
            let mixed = try attend(heads[0], heads[1], heads[2]) * counted
            let weight = try leaf(mixed.shape, 2.5).detach()
            try (mixed * weight).sum().backward()
            return [try mixed.detach()] + (try leaves.map { try #require(try $0.gradient()) })
        }
        let wanted = try outcome { try $0.attention($1, $2, mask: look, scale: 0.4) }
        let found = try outcome { q, k, v in
            one.sequences.isEmpty
                ? try q.causalAttention(k, v, window: one.window, scale: 0.4)
                : try q.packedAttention(
                    k, v, starts: one.sequences.map(\.start), lengths: one.sequences.map(\.length),
                    window: one.window, scale: 0.4)
        }
        for (name, pair) in zip(["values", "by q", "by k", "by v"], zip(found, wanted)) {
            let worst = try (pair.0 - pair.1).abs().max().item()
            #expect(try worst <= 1e-5 * max(1, pair.1.abs().max().item()), "\(name)")
        }
    }

    @Test func halfPrecision() throws {
        func outcome(_ dtype: DType) throws -> [[Float]] {
            let leaves = try [0.2, 0.9, 1.7].map { try leaf([1, 2, 700, 8], $0, dtype) }
            let mixed = try leaves[0].causalAttention(leaves[1], leaves[2], window: 30)
            try mixed.to(dtype: .float32).sum().backward()
            return try ([mixed] + leaves.map { try #require(try $0.gradient()) }).map {
                try $0.detach().to(dtype: .float32).floats()
            }
        }
        for (half, whole) in zip(try outcome(.bfloat16), try outcome(.float32)) {
            #expect(zip(half, whole).allSatisfy { abs($0 - $1) < 0.05 })
        }
    }

    @Test func aSequenceOutsideItsLineIsAnError() throws {
        let q = try leaf([1, 1, 6, 4], 0)
        for (start, length) in [(4, 3), (-1, 2), (6, 1), (0, 0)] {
            #expect(throws: TorchError.self) { try q.packedAttention(q, q, starts: [start], lengths: [length]) }
        }
    }
}
