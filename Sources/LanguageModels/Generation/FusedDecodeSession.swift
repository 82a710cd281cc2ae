import Torch

/// The fast session: prompts are read by the plain forward pass, then every token is one fused call.
final class FusedDecodeSession: DecodeSession {
    private let model: CausalLM
    private let decoder: FusedDecoder
    private let prompts: [[Int32]]
    private let copies: [Int]
    private let cache: FusedDecoder.Cache
    let keepsForFree = true
    /// Of each row: where its next token stands and which slot holds its past.
    private var positions: [Int32] = []
    private var slots: [Int32] = []

    /// Parameters as for ``PlainDecodeSession``.
    init(_ model: CausalLM, _ decoder: FusedDecoder, prompts: [[Int32]], copies: [Int], newTokens: Int) throws {
        self.model = model
        self.decoder = decoder
        self.prompts = prompts
        self.copies = copies
        cache = try FusedDecoder.Cache(
            decoder, slots: copies.reduce(0, +), capacity: (prompts.map(\.count).max() ?? 0) + newTokens)
    }

    func start() throws -> Tensor {
        let batch = try TokenBatch(prompts, device: model.device)
        let past = try KeyValueCache(
            model.configuration, rows: prompts.count, capacity: batch.width, dtype: .float32, device: model.device)
        let hidden = try model.trunk.arithmetic {
            try model.trunk.family.forward(
                ForwardInput(
                    tokens: batch.tokens, positions: batch.positions, mask: nil, causal: true, cache: past))
        }
        // A prompt is read once, however many answers it gets.
        let rows = copies.indices.flatMap { [Int](repeating: $0, count: copies[$0]) }
        slots = rows.indices.map(Int32.init)
        positions = rows.map { Int32(prompts[$0].count) }
        for layer in 0..<model.configuration.layerCount {
            let (keys, values) = past.all(layer: layer)
            for (slot, row) in rows.enumerated() {
                try cache.fill(
                    layer: layer, slot: slot, keys: keys, values: values, row: row, places: 0..<prompts[row].count)
            }
        }
        let last = try model.logits(hidden: TokenBatch.select(hidden, batch.lastIndex()))
        return rows.count == prompts.count ? last : try last.indexSelect(0, Tensor.of(rows.map(Int64.init)))
    }

    func advance(_ tokens: [Int32]) throws -> Tensor {
        let logits = try decoder.step(cache, tokens: tokens, positions: positions, slots: slots)
        for row in positions.indices { positions[row] += 1 }
        return logits
    }

    func keep(_ rows: [Int]) {
        positions = rows.map { positions[$0] }
        slots = rows.map { slots[$0] }
    }
}

/// Keeps a model's packed weights as long as its weights stay as they are.
final class DecoderHolder {
    private var held: (decoder: FusedDecoder, versions: [UInt32])?

    /// nil when the model's family, type or device has no fused form.
    func decoder(_ model: CausalLM) throws -> FusedDecoder? {
        // The packed form takes plain weights; who generates a lot merges the adapter first (``MergedModel``).
        guard model.trunk.adapter == nil else { return nil }
        guard TorchRuntime.fused, model.device == .cpu, try model.trunk.embedding.dtype == .float32 else { return nil }
        let versions = model.parameters.map(\.tensor.version)
        if let held, held.versions == versions { return held.decoder }
        held = nil
        guard let decoder = try model.trunk.family.decoder(head: model.head, threads: TorchRuntime.threads)
        else { return nil }
        held = (decoder, versions)
        return decoder
    }
}
