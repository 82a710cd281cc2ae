/// Which parameters weight decay pulls towards 0.
package enum WeightDecay: String, Sendable, Codable, CaseIterable {
    /// The weights of linear maps, adapters and heads: neither biases nor gains of norms, whose size is no matter of
    /// complexity, nor embedding tables, whose rows would shrink wherever their token is rare.
    case matrices
    case all

    /// - Parameter parameter: named as in Hugging Face files. A head that is tied to the embedding table is the table.
    package func applies(to parameter: NamedTensor) -> Bool {
        switch self {
        case .all: true
        case .matrices: parameter.tensor.shape.count > 1 && !Self.isEmbedding(parameter.name)
        }
    }

    /// Tables that tokens or positions are looked up in, by the name of the module.
    private static func isEmbedding(_ name: String) -> Bool {
        let module = name.split(separator: ".").dropLast().last ?? ""
        return ["embed_tokens", "embed_in", "wte", "wpe"].contains(module)
    }
}
