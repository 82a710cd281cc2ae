import LanguageModels
package import Torch

/// Where the weights of a policy are: a Hugging Face directory, or an adapter over one.
package struct HeldOutPolicy: Sendable, Equatable {
    let directory: String
    let adapter: String?
    /// Of the weights under an adapter.
    let dtype: DType

    package init(directory: String) {
        self.directory = directory
        adapter = nil
        dtype = .float32
    }

    /// - Parameters:
    ///   - checkpoint: the policy's directory in a checkpoint.
    ///   - base: what an adapter in it is over.
    ///   - dtype: in which the base was while the adapter was trained. What is exported is the sum of the two.
    package init(checkpoint: String, base: String, dtype: DType = .float32) {
        let isAdapter = AdapterFiles.isAdapter(checkpoint)
        directory = isAdapter ? base : checkpoint
        adapter = isAdapter ? checkpoint : nil
        self.dtype = isAdapter ? dtype : .float32
    }

    /// On the compute thread; computes in fp32, with the weights that ``export(to:device:)`` writes.
    func load(_ device: Device, _ arithmetic: Arithmetic) throws -> CausalLM {
        var model = try adapted(device)
        if dtype != .float32 { model = try CausalLM(files: model.files(), device: device) }
        model.trunk.arithmetic = arithmetic
        return model
    }

    private func adapted(_ device: Device) throws -> CausalLM {
        let base = try CausalLM(directory: directory, device: device, dtype: dtype)
        return try adapter.map {
            try CausalLM(
                sharing: base, adapter: LowRankAdapter(directory: $0, for: base.configuration, device: device))
        } ?? base
    }

    /// Writes a whole model directory, an adapter merged and beside it. On the compute thread.
    package func export(to path: String, device: String) throws {
        let model = try adapted(Device.named(device))
        try model.export(to: path)
        try model.trunk.adapter?.export(to: "\(path)/adapter")
    }
}
