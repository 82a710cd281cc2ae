import Torch

/// Keeps a model's packed weights as long as its weights stay as they are.
final class DecoderHolder {
    private var held: (decoder: FusedDecoder, versions: [UInt32])?

    /// nil when the model's family, type or device has no fused form.
    func decoder(_ model: CausalLM) throws -> FusedDecoder? {
        // The packed form takes plain weights; who generates a lot merges the adapter first (``MergedModel``).
        guard model.trunk.adapter == nil else { return nil }
        guard try model.canBeFused else { return nil }
        let versions = model.parameters.map(\.tensor.version)
        if let held, held.versions == versions { return held.decoder }
        held = nil
        let decoder = try model.trunk.family.decoder(DecoderOptions(head: model.head, threads: TorchRuntime.threads))
        held = (decoder, versions)
        return decoder
    }
}

extension CausalLM {
    /// The packed form is in fp32 on the CPU.
    var canBeFused: Bool {
        get throws { try TorchRuntime.fused && device == .cpu && trunk.embedding.dtype == .float32 }
    }
}
