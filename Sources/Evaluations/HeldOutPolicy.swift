import LanguageModels
import Torch

/// Where the weights of a policy are: a Hugging Face directory, or an adapter over one.
package struct HeldOutPolicy: Sendable, Equatable {
    let directory: String
    let adapter: String?

    package init(directory: String) {
        self.directory = directory
        adapter = nil
    }

    /// - Parameters:
    ///   - checkpoint: the policy's directory in a checkpoint.
    ///   - base: what an adapter in it is over.
    package init(checkpoint: String, base: String) {
        let isAdapter = AdapterFiles.isAdapter(checkpoint)
        directory = isAdapter ? base : checkpoint
        adapter = isAdapter ? checkpoint : nil
    }

    /// On the compute thread; weights are fp32, as generators have them.
    func load(_ device: Device, _ arithmetic: Arithmetic) throws -> CausalLM {
        let base = try CausalLM(directory: directory, device: device)
        let model =
            try adapter.map {
                try CausalLM(
                    sharing: base, adapter: LowRankAdapter(directory: $0, for: base.configuration, device: device))
            } ?? base
        model.trunk.arithmetic = arithmetic
        return model
    }

    /// Writes a whole model directory, an adapter merged and beside it. On the compute thread.
    package func export(to path: String, device: String) throws {
        let model = try load(Device.named(device), .fast)
        try model.export(to: path)
        try model.trunk.adapter?.export(to: "\(path)/adapter")
    }
}
