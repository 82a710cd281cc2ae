import Torch

/// One layer of the Llama-like families: attention, then a gated feed-forward part, each after a norm and added to x.
///
/// Names of tensors are those that Llama, Mistral, Qwen and Gemma share; Phi-3 has fused ones.
struct GatedBlock {
    enum QueryKeyValue {
        case separate(q: Projection, k: Projection, v: Projection)
        /// Phi-3's: the rows of all queries, then of all keys, then of all values.
        case fused(Projection)
    }

    let inputNorm: Norm
    let queryKeyValue: QueryKeyValue
    let attention: Attention
    let output: Projection
    /// Gemma's, over what attention gives before it is added.
    var attentionOutputNorm: Norm?
    let feedForwardNorm: Norm
    let feedForward: GatedFeedForward
    /// Gemma's, over what the feed-forward part gives before it is added.
    var feedForwardOutputNorm: Norm?

    /// Llama's layer `index`, with the biases that its family has.
    static func llama(
        _ configuration: ModelConfiguration, _ parameters: ParameterTable, _ index: Int, queryKeyNorm: Bool = false
    ) throws -> GatedBlock {
        let (prefix, epsilon) = ("model.layers.\(index)", configuration.normEpsilon)
        var attention = Attention(
            layer: index, scale: configuration.attentionScale, window: configuration.window(index))
        if queryKeyNorm {
            attention.queryNorm = try parameters.rms("\(prefix).self_attn.q_norm", epsilon: epsilon)
            attention.keyNorm = try parameters.rms("\(prefix).self_attn.k_norm", epsilon: epsilon)
        }
        return GatedBlock(
            inputNorm: try parameters.rms("\(prefix).input_layernorm", epsilon: epsilon),
            queryKeyValue: try separate(parameters, prefix), attention: attention,
            output: try parameters.projection("\(prefix).self_attn.o_proj"),
            feedForwardNorm: try parameters.rms("\(prefix).post_attention_layernorm", epsilon: epsilon),
            feedForward: try feedForward(configuration, parameters, prefix))
    }

    static func separate(_ parameters: ParameterTable, _ prefix: String) throws -> QueryKeyValue {
        .separate(
            q: try parameters.projection("\(prefix).self_attn.q_proj"),
            k: try parameters.projection("\(prefix).self_attn.k_proj"),
            v: try parameters.projection("\(prefix).self_attn.v_proj"))
    }

    static func feedForward(
        _ configuration: ModelConfiguration, _ parameters: ParameterTable, _ prefix: String
    ) throws -> GatedFeedForward {
        GatedFeedForward(
            input: .separate(
                gate: try parameters.projection("\(prefix).mlp.gate_proj"),
                up: try parameters.projection("\(prefix).mlp.up_proj")),
            down: try parameters.projection("\(prefix).mlp.down_proj"), activation: configuration.activation)
    }

    /// The tensors of ``llama(_:_:_:queryKeyNorm:)``.
    static func addLlamaTensors(
        _ list: inout TensorList, _ configuration: ModelConfiguration, _ index: Int, biases: Biases,
        queryKeyNorm: Bool = false
    ) {
        let prefix = "model.layers.\(index)"
        addProjections(&list, configuration, prefix, biases)
        if queryKeyNorm {
            list.rms("\(prefix).self_attn.q_norm", configuration.headSize)
            list.rms("\(prefix).self_attn.k_norm", configuration.headSize)
        }
        list.rms("\(prefix).input_layernorm", configuration.hiddenSize)
        list.rms("\(prefix).post_attention_layernorm", configuration.hiddenSize)
    }

    static func addProjections(
        _ list: inout TensorList, _ configuration: ModelConfiguration, _ prefix: String, _ biases: Biases
    ) {
        let (d, f) = (configuration.hiddenSize, configuration.intermediateSize)
        let (queries, keys) = (configuration.queryWidth, configuration.keyWidth)
        list.linear("\(prefix).self_attn.q_proj", queries, d, bias: biases.queryKeyValue)
        list.linear("\(prefix).self_attn.k_proj", keys, d, bias: biases.queryKeyValue)
        list.linear("\(prefix).self_attn.v_proj", keys, d, bias: biases.queryKeyValue)
        list.linear("\(prefix).self_attn.o_proj", d, queries, bias: biases.output)
        list.linear("\(prefix).mlp.gate_proj", f, d, bias: biases.feedForward)
        list.linear("\(prefix).mlp.up_proj", f, d, bias: biases.feedForward)
        list.linear("\(prefix).mlp.down_proj", d, f, bias: biases.feedForward)
    }

    struct Biases {
        var queryKeyValue = false
        var output = false
        var feedForward = false
    }

    /// x [B, T, d] -> [B, T, d]
    func callAsFunction(
        _ x: Tensor, _ configuration: ModelConfiguration, turn: RotaryEmbedding.Turn, _ pass: ForwardPass
    ) throws -> Tensor {
        let (q, k, v) = try heads(inputNorm(x), configuration)
        let mixed = try output(attention(q, k, v, turn: turn, pass))
        let attended = try x + (attentionOutputNorm?(mixed) ?? mixed)
        let fed = try feedForward(feedForwardNorm(attended))
        return try attended + (feedForwardOutputNorm?(fed) ?? fed)
    }

    /// x [B, T, d] -> q [B, H, T, D], k and v [B, K, T, D]
    private func heads(_ x: Tensor, _ configuration: ModelConfiguration) throws -> (Tensor, Tensor, Tensor) {
        let (count, shared, size) = (
            configuration.headCount, configuration.keyValueHeadCount, configuration.headSize
        )
        switch queryKeyValue {
        case .separate(let q, let k, let v):
            return (
                try Attention.heads(q(x), count, size), try Attention.heads(k(x), shared, size),
                try Attention.heads(v(x), shared, size)
            )
        case .fused(let all):
            let wide = try all(x)
            let (keys, values) = (count * size, (count + shared) * size)
            return (
                try Attention.heads(wide.slice(-1, 0..<keys), count, size),
                try Attention.heads(wide.slice(-1, keys..<values), shared, size),
                try Attention.heads(wide.slice(-1, values..<(values + shared * size)), shared, size)
            )
        }
    }
}
