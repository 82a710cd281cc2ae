import Torch

/// Gemma 3, the text models (Gemma Team 2025): embeddings times sqrt(d), RMSNorms stored as the difference from 1 before
/// and after each part and over each query and key head, GeGLU, and windows in most layers, which have a rotary base of
/// their own.
///
/// Of the models that also see (`gemma3`) the language model is read, and exported as what it is, a text model.
final class Gemma3: GatedFamily {
    static let modelTypes = ["gemma3_text", "gemma3"]
    let trunk: GatedTrunk

    init(_ configuration: ModelConfiguration, _ parameters: ParameterTable) throws {
        trunk = GatedTrunk(
            configuration, embedding: try parameters.tensor(Self.embeddingName),
            blocks: try (0..<configuration.layerCount).map { try Self.block(configuration, parameters, $0) },
            finalNorm: try parameters.offsetRMS("model.norm", epsilon: configuration.normEpsilon),
            embeddingScale: Double(configuration.hiddenSize).squareRoot())
    }

    private static func block(
        _ configuration: ModelConfiguration, _ parameters: ParameterTable, _ index: Int
    ) throws -> GatedBlock {
        let prefix = "model.layers.\(index)"
        func norm(_ name: String) throws -> Norm {
            try parameters.offsetRMS("\(prefix).\(name)", epsilon: configuration.normEpsilon)
        }
        return GatedBlock(
            inputNorm: try norm("input_layernorm"), queryKeyValue: try GatedBlock.separate(parameters, prefix),
            attention: Attention(
                layer: index, scale: configuration.attentionScale, window: configuration.window(index),
                queryNorm: try norm("self_attn.q_norm"), keyNorm: try norm("self_attn.k_norm")),
            output: try parameters.projection("\(prefix).self_attn.o_proj"),
            attentionOutputNorm: try norm("post_attention_layernorm"),
            feedForwardNorm: try norm("pre_feedforward_layernorm"),
            feedForward: try GatedBlock.feedForward(configuration, parameters, prefix),
            feedForwardOutputNorm: try norm("post_feedforward_layernorm"))
    }

    static func tensors(_ configuration: ModelConfiguration) -> [TensorSpecification] {
        var list = TensorList(configuration)
        let bias = configuration.attentionBias
        list.table(embeddingName, configuration.vocabularySize, configuration.hiddenSize)
        for index in 0..<configuration.layerCount {
            let prefix = "model.layers.\(index)"
            GatedBlock.addProjections(&list, configuration, prefix, .init(queryKeyValue: bias, output: bias))
            list.offsetRMS("\(prefix).self_attn.q_norm", configuration.headSize)
            list.offsetRMS("\(prefix).self_attn.k_norm", configuration.headSize)
            for name in [
                "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                "post_feedforward_layernorm",
            ] {
                list.offsetRMS("\(prefix).\(name)", configuration.hiddenSize)
            }
        }
        list.offsetRMS("model.norm", configuration.hiddenSize)
        return list.all
    }
}
