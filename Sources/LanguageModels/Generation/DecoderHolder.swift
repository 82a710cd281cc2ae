import Torch

/// Keeps a model's packed weights, with its adapter in them, as long as weights and adapter stay as they are.
final class DecoderHolder {
    private var held: (decoder: FusedDecoder, versions: [UInt32])?

    /// nil when the model's family, type or device has no fused form.
    func decoder(_ model: CausalLM) throws -> FusedDecoder? {
        guard try model.canBeFused else { return nil }
        let versions = (model.parameters + (model.trunk.adapter?.parameters ?? [])).map(\.tensor.version)
        if let held, held.versions == versions { return held.decoder }
        held = nil
        let decoder = try model.trunk.arithmetic {
            try model.trunk.family.decoder(DecoderOptions(head: model.head, threads: TorchRuntime.threads))
        }
        held = (decoder, versions)
        return decoder
    }

    func release() { held = nil }
}

extension CausalLM {
    /// Gives back the memory of what ``generate(_:_:seed:step:decode:onStep:)`` keeps for its next call.
    package func releaseDecoder() { decoders.release() }

    /// The packed form is in fp32 on the CPU.
    var canBeFused: Bool {
        get throws { try TorchRuntime.fused && device == .cpu && trunk.embedding.dtype == .float32 }
    }
}
