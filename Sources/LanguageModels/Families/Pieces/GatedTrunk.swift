import Torch

/// The Llama-like families: an embedding, gated blocks, a last norm. What a family adds stands in its file.
protocol GatedFamily: Family {
    var trunk: GatedTrunk { get }
}

extension GatedFamily {
    static var embeddingName: String { "model.embed_tokens.weight" }

    func forward(_ input: ForwardInput) throws -> Tensor { try trunk.forward(input) }

    func decoder(_ options: DecoderOptions) throws -> FusedDecoder { try trunk.decoder(options) }

    /// A model saved without its head has no prefix either.
    static func canonicalName(_ name: String) -> String {
        ["embed_tokens.", "layers.", "norm.", "rotary_emb."].contains { name.hasPrefix($0) } ? "model.\(name)" : name
    }

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
        rotary = RotaryEmbedding(size: configuration.rotarySize, configuration.rotary)
        localRotary = configuration.localRotary.map { RotaryEmbedding(size: configuration.rotarySize, $0) }
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

    /// Packed weights, as they are now.
    func decoder(_ options: DecoderOptions) throws -> FusedDecoder {
        try noGrad {
            var shape = FusedDecoder.Shape(configuration)
            shape.embeddingScale = embeddingScale ?? 1
            let decoder = try FusedDecoder(
                shape, layerCount: blocks.count,
                FusedDecoder.Tables(
                    embedding: options.table(embedding, configuration), angles: rotary.fused(configuration),
                    localAngles: localRotary?.fused(configuration), finalNorm: finalNorm.fused(), head: options.head),
                consuming: options.consuming, threads: options.threads)
            for block in blocks {
                var layer = try block.fused(configuration)
                layer.local = localRotary != nil && block.attention.window != nil
                try decoder.add(layer)
            }
            return decoder
        }
    }
}
