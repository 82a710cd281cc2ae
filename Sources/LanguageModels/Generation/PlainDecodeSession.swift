import Torch

/// Past keys and values of R rows, by the plain forward pass: prompts padded on the left, one cache tensor for keys and one
/// for values of each layer. For what the fused decoder does not do, and what tests compare it with.
final class PlainDecodeSession {
    private let model: CausalLM
    private let prompts: [[Int32]]
    private let copies: [Int]
    private let cache: KeyValueCache
    /// Padding before each row, and where its next token stands.
    private var pads: [Int] = []
    private var positions: [Int] = []

    /// - Parameters:
    ///   - copies: how many rows each prompt gets, next to each other.
    ///   - newTokens: most tokens that will be asked for.
    init(_ model: CausalLM, prompts: [[Int32]], copies: [Int], newTokens: Int) throws {
        self.model = model
        self.prompts = prompts
        self.copies = copies
        cache = try KeyValueCache(
            model.configuration, rows: prompts.count, capacity: (prompts.map(\.count).max() ?? 0) + newTokens,
            dtype: model.trunk.embedding.dtype, device: model.device)
    }

    /// Logits [R, V] for the first new token of every row.
    func start() throws -> Tensor {
        let batch = try TokenBatch(prompts, padding: .left, device: model.device)
        let hidden = try model.trunk.family.forward(
            ForwardInput(
                tokens: batch.tokens, positions: batch.positions, layout: batch.layout, cache: cache))
        // A prompt is read once, however many answers it gets.
        let rows = copies.indices.flatMap { [Int64](repeating: Int64($0), count: copies[$0]) }
        pads = rows.map { batch.width - prompts[Int($0)].count }
        positions = rows.map { prompts[Int($0)].count }
        let last = try hidden.slice(1, (batch.width - 1)..<batch.width).squeeze(1)
        if rows.count == prompts.count { return try model.logits(hidden: last) }
        try cache.select(rows)
        return try model.logits(hidden: last.indexSelect(0, Tensor.of(rows, device: model.device)))
    }

    /// Takes one token for each row and gives the logits [R, V] for the next.
    func advance(_ tokens: [Int32]) throws -> Tensor {
        let rows = tokens.count
        let device = model.device
        let hidden = try model.trunk.family.forward(
            ForwardInput(
                tokens: Tensor.of(tokens.map(Int64.init), shape: [rows, 1], device: device),
                positions: Tensor.of(positions.map(Int64.init), shape: [rows, 1], device: device),
                mask: mask(), cache: cache))
        for row in positions.indices { positions[row] += 1 }
        return try model.logits(hidden: hidden.squeeze(1))
    }

    /// Row i becomes the former row `rows[i]`; the others leave. Copies the cache.
    func keep(_ rows: [Int]) throws {
        pads = rows.map { pads[$0] }
        positions = rows.map { positions[$0] }
        try cache.select(rows.map(Int64.init))
    }

    /// [R, 1, 1, past + 1]: everything but the padding; nil without padding.
    private func mask() throws -> Tensor? {
        guard pads.contains(where: { $0 > 0 }) else { return nil }
        let width = cache.length + 1
        var allowed = [Bool](repeating: true, count: pads.count * width)
        for (row, pad) in pads.enumerated() {
            for place in 0..<pad { allowed[row * width + place] = false }
        }
        return try Tensor.of(allowed, shape: [pads.count, 1, 1, width], device: model.device)
    }
}
