import Torch

/// The Llama-like families: an embedding, gated blocks, a last norm. What a family adds stands in its file.
protocol GatedFamily: Family {
    var trunk: GatedTrunk { get }
}

extension GatedFamily {
    static var embeddingName: String { "model.embed_tokens.weight" }

    func forward(_ input: ForwardInput) throws -> Tensor { try trunk.forward(input) }

    func decoder(head: Tensor) throws -> FusedDecoder? { try trunk.decoder(head: head) }

    /// Old files carry the rotary frequencies, which follow from config.json.
    static func isIgnored(_ name: String) -> Bool { name.hasSuffix(".rotary_emb.inv_freq") }
}

/// The plain, readable form; the fused one is compared with it in tests.
final class GatedTrunk {
    private let configuration: ModelConfiguration
    /// [V, d]
    private let embedding: Tensor
    private let blocks: [GatedBlock]
    private let finalNorm: Norm
    private let rotary: RotaryEmbedding
    /// Of layers with a window, where a family gives them a base of their own; nil = `rotary`.
    private let localRotary: RotaryEmbedding?
    /// What embeddings are multiplied by; nil = 1.
    private let embeddingScale: Double?

    init(
        _ configuration: ModelConfiguration, embedding: Tensor, blocks: [GatedBlock], finalNorm: Norm,
        embeddingScale: Double? = nil
    ) {
        self.configuration = configuration
        self.embedding = embedding
        self.blocks = blocks
        self.finalNorm = finalNorm
        self.embeddingScale = embeddingScale
        rotary = RotaryEmbedding(
            size: configuration.rotarySize, theta: configuration.ropeTheta, scaling: configuration.ropeScaling)
        localRotary = configuration.localRopeTheta.map {
            RotaryEmbedding(size: configuration.rotarySize, theta: $0, scaling: .none)
        }
    }

    /// Blocks with the names of Llama and its RMSNorm at the end.
    convenience init(
        _ configuration: ModelConfiguration, _ table: ParameterTable,
        _ block: (ModelConfiguration, ParameterTable, Int) throws -> GatedBlock
    ) throws {
        self.init(
            configuration, embedding: try table.tensor("model.embed_tokens.weight"),
            blocks: try (0..<configuration.layerCount).map { try block(configuration, table, $0) },
            finalNorm: try table.rms("model.norm", epsilon: configuration.normEpsilon))
    }

    /// The tensors of such a trunk, in the fixed order of parameters.
    static func tensors(
        _ configuration: ModelConfiguration, _ block: (inout TensorList, Int) -> Void
    ) -> [TensorSpecification] {
        var list = TensorList(configuration)
        list.table("model.embed_tokens.weight", configuration.vocabularySize, configuration.hiddenSize)
        for index in 0..<configuration.layerCount { block(&list, index) }
        list.rms("model.norm", configuration.hiddenSize)
        return list.all
    }

    /// -> [B, T, d]
    func forward(_ input: ForwardInput) throws -> Tensor {
        let pass = ForwardPass(input)
        let turn = try turn(rotary, pass)
        let localTurn = try localRotary.map { try self.turn($0, pass) } ?? turn
        var x = try embedding.embedding(input.tokens)
        if let embeddingScale { x = try x * rounded(embeddingScale) }
        for block in blocks {
            let turn = block.attention.window == nil ? turn : localTurn
            x = try pass.layer(x) { [configuration] in try block($0, configuration, turn: turn, pass) }
        }
        pass.end()
        return try finalNorm(x)
    }

    private func turn(_ rotary: RotaryEmbedding, _ pass: ForwardPass) throws -> RotaryEmbedding.Turn {
        let (cos, sin) = try rotary.angles(pass.input.positions, below: pass.reach)
        let dtype = try embedding.dtype
        return RotaryEmbedding.Turn(cos: try cos.to(dtype: dtype), sin: try sin.to(dtype: dtype))
    }

    /// A factor as it is in the type of the weights, in which Gemma's models were trained with it.
    private func rounded(_ factor: Double) throws -> Double {
        try Tensor.full([1], factor).to(dtype: embedding.dtype).item()
    }

    /// Packed weights, where the fused decoder has this family's arithmetic; nil elsewhere.
    ///
    /// Windows are the caller's care: the fused decoder looks at everything before a token.
    func decoder(head: Tensor) throws -> FusedDecoder? {
        guard configuration.activation == .silu, configuration.attentionScale == nil, localRotary == nil,
            embeddingScale == nil, configuration.rotarySize == configuration.headSize,
            case .rms(let lastNorm, _) = finalNorm
        else { return nil }
        var layers: [FusedDecoder.Layer] = []
        for block in blocks {
            guard let layer = try block.fused(configuration) else { return nil }
            layers.append(layer)
        }
        let (cos, sin) = try rotary.tables(configuration.contextLength, device: .cpu)
        return try FusedDecoder(
            FusedDecoder.Shape(
                hiddenSize: configuration.hiddenSize, intermediateSize: configuration.intermediateSize,
                headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
                headSize: configuration.headSize, vocabularySize: configuration.vocabularySize,
                normEpsilon: configuration.normEpsilon),
            layers: layers, embedding: embedding, finalNorm: lastNorm, head: head, cos: cos, sin: sin)
    }
}

extension GatedBlock {
    /// The layer's weights as the fused decoder takes them; nil when it does not know one of its parts.
    fileprivate func fused(_ configuration: ModelConfiguration) throws -> FusedDecoder.Layer? {
        guard attention.queryNorm == nil, attention.keyNorm == nil, attentionOutputNorm == nil,
            feedForwardOutputNorm == nil, case .rms(let before, _) = inputNorm,
            case .rms(let between, _) = feedForwardNorm
        else { return nil }
        func linear(_ projection: Projection) -> FusedDecoder.Linear { .init(projection.weight, projection.bias) }
        let (q, k, v) = try noGrad { try queryKeyValue.parts(configuration) }
        let (gate, up) = try noGrad { try feedForward.input.parts(configuration.intermediateSize) }
        return FusedDecoder.Layer(
            inputNorm: before, postNorm: between, q: linear(q), k: linear(k), v: linear(v), o: linear(output),
            gate: linear(gate), up: linear(up), down: linear(feedForward.down))
    }
}

extension GatedBlock.QueryKeyValue {
    fileprivate func parts(_ configuration: ModelConfiguration) throws -> (Projection, Projection, Projection) {
        switch self {
        case .separate(let q, let k, let v): return (q, k, v)
        case .fused(let all):
            let (queries, keys) = (configuration.queryWidth, configuration.keyWidth)
            return (
                try all.rows(0..<queries), try all.rows(queries..<(queries + keys)),
                try all.rows((queries + keys)..<(queries + 2 * keys))
            )
        }
    }
}

extension GatedFeedForward.Input {
    fileprivate func parts(_ size: Int) throws -> (gate: Projection, up: Projection) {
        switch self {
        case .separate(let gate, let up): return (gate, up)
        case .fused(let both): return (try both.rows(0..<size), try both.rows(size..<(2 * size)))
        }
    }
}
