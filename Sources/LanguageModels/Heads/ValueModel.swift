package import Foundation
package import Torch

/// The critic: a trunk with a scalar head that gives the value of the state at each place.
///
/// Directory: config.json, model.safetensors (trunk without a head), value_head.safetensors, tokenizer files.
package final class ValueModel {
    package let trunk: Transformer
    package let head: ScalarHead

    package var configuration: ModelConfiguration { trunk.configuration }
    package var device: Device { trunk.device }
    /// Trunk, then `score.weight` and `score.bias`.
    package var parameters: [NamedTensor] { trunk.parameters + head.parameters }

    package init(trunk: Transformer, head: ScalarHead) {
        self.trunk = trunk
        self.head = head
    }

    /// A reward model whose normalisation is folded into the head, so that values start as normalised rewards.
    ///
    /// - Parameter copying: false takes over the trunk, as for an adapter over a base that others share.
    package convenience init(from reward: RewardModel, copying: Bool = true) throws {
        let head = try noGrad {
            let weight = try reward.head.weight.detach().clone()
            try weight.scale(by: 1 / reward.deviation)
            let bias = try Tensor.full([1], -reward.mean / reward.deviation)
            return ScalarHead(weight: weight, bias: try bias.to(dtype: weight.dtype, device: weight.device))
        }
        self.init(trunk: try copying ? reward.trunk.copy() : reward.trunk, head: head)
    }

    /// A copy of a language model's trunk with a head of zeros: every value starts at 0.
    ///
    /// - Parameter adapter: when there is one, the trunk is not copied but shared, with this adapter over it.
    package convenience init(from model: CausalLM, adapter: LowRankAdapter? = nil) throws {
        let size = model.configuration.hiddenSize
        self.init(
            trunk: try adapter.map { try Transformer(sharing: model.trunk, adapter: $0) } ?? model.trunk.copy(),
            head: ScalarHead(
                weight: try Tensor.zeros([1, size], device: model.device),
                bias: try Tensor.zeros([1], device: model.device)))
    }

    package convenience init(directory: String, device: Device = .cpu, dtype: DType = .float32) throws {
        let (trunk, head) = try ScalarModelFiles.load(
            .directory(directory), head: Self.headFile, device: device, dtype: dtype)
        self.init(trunk: trunk, head: head)
    }

    /// The parameters that are trained: the head, and the adapter if there is one, else the whole trunk.
    package var trainable: [NamedTensor] { trunk.trainable + head.parameters }

    package func setTrainable(_ trainable: Bool) throws { try Parameters.setTrainable(self.trainable, trainable) }

    /// Value of the state in which each scored token was chosen, differentiable. -> [N] fp32
    package func values(_ batch: TokenBatch) throws -> Tensor {
        try head(TokenBatch.select(trunk.hiddenStates(batch), batch.predictorIndex()))
    }

    /// The same, and the value after the last token of each row, for bootstrapping. -> ([N], [B])
    package func valuesAndLast(_ batch: TokenBatch) throws -> (values: Tensor, last: Tensor) {
        let hidden = try trunk.hiddenStates(batch)
        return (
            try head(TokenBatch.select(hidden, batch.predictorIndex())),
            try head(TokenBatch.select(hidden, batch.lastIndex()))
        )
    }

    package func files() throws -> [String: Data] {
        try ScalarModelFiles.data(trunk, head, headFile: Self.headFile)
    }

    /// Writes the directory without a copy of the weights in memory.
    ///
    /// - Parameter synced: false leaves it to the system when the files reach the disk.
    package func export(to directory: String, synced: Bool = true) throws {
        try ModelFiles.write(["config.json": trunk.configuration.data()], to: directory, synced: synced)
        for (name, tensors) in try [
            ("model.safetensors", trunk.mergedParameters()), (Self.headFile, head.parameters),
        ] {
            try Safetensors.write(
                Parameters.converted(tensors, to: .float32), to: "\(directory)/\(name)", synced: synced)
        }
    }

    /// Adapter and head alone, in PEFT's format with the head beside it; an error without an adapter.
    package func exportAdapter(to directory: String) throws {
        try ModelFiles.write(ScalarModelFiles.adapter(trunk, head, headFile: Self.headFile), to: directory)
    }

    package static let headFile = "value_head.safetensors"
}

/// A trunk beside a head in a file of its own.
enum ScalarModelFiles {
    /// The weights may be those of a language model: its head is not read.
    static func load(
        _ files: ModelFiles, head: String, device: Device, dtype: DType
    ) throws -> (Transformer, ScalarHead) {
        let configuration = try files.configuration()
        let weights = try WeightFiles(files, of: configuration)
        let trunk = try Transformer(configuration, weights, device: device, dtype: dtype)
        try weights.expectOnly(Set(trunk.parameters.map(\.name) + [CausalLM.headName(configuration)])) {
            Families.named(configuration.modelType)?.isIgnored($0) ?? false
        }
        let scalar = try ScalarHead(
            WeightFiles(files.safetensors(head)), hiddenSize: configuration.hiddenSize, device: device, dtype: dtype)
        return (trunk, scalar)
    }

    static func adapter(_ trunk: Transformer, _ head: ScalarHead, headFile: String) throws -> [String: Data] {
        guard let adapter = trunk.adapter else {
            throw LanguageModelError(.argument, "a model without an adapter has none to export")
        }
        var files = try adapter.files(task: nil)
        files[headFile] = try Safetensors.data(Parameters.converted(head.parameters, to: .float32))
        return files
    }

    static func data(_ trunk: Transformer, _ head: ScalarHead, headFile: String) throws -> [String: Data] {
        [
            "config.json": try trunk.configuration.data(),
            "model.safetensors": try Safetensors.data(Parameters.converted(trunk.mergedParameters(), to: .float32)),
            headFile: try Safetensors.data(Parameters.converted(head.parameters, to: .float32)),
        ]
    }
}
