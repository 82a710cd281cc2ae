package import Foundation
package import Torch

/// Low-rank changes of some linear maps of one trunk: all that is trained of a model with LoRA.
///
/// Owned by the ``Transformer`` it was given to; on the compute thread, not Sendable. Several trunks may share one copy of
/// the base weights, each with an adapter of its own or none.
package final class LowRankAdapter {
    package let configuration: LoRAConfiguration
    /// Path or name of the base model, as PEFT's files have it.
    package let base: String?
    let modules: [LinearModule]
    /// By module name.
    let changes: [String: LowRank]
    /// A and B of each module in the order of the model, fp32, under PEFT's names.
    package let parameters: [NamedTensor]

    /// What the change of each module is multiplied by, in the order of the model.
    package var scales: [Double] { modules.map(configuration.scale(of:)) }

    private init(
        _ configuration: LoRAConfiguration, _ modules: [LinearModule], base: String?,
        _ tensors: (LinearModule, Int) throws -> (a: Tensor, b: Tensor)
    ) throws {
        self.configuration = configuration
        self.base = base
        self.modules = modules
        var changes: [String: LowRank] = [:]
        var parameters: [NamedTensor] = []
        for (index, module) in modules.enumerated() {
            let (a, b) = try tensors(module, index)
            changes[module.name] = LowRank(a: a, b: b, scale: configuration.scale(of: module))
            parameters.append(NamedTensor(AdapterFiles.tensorName(module.name, "A"), a))
            parameters.append(NamedTensor(AdapterFiles.tensorName(module.name, "B"), b))
        }
        self.changes = changes
        self.parameters = parameters
    }

    /// Fresh: A uniform in +-1/sqrt(in), as PEFT has it (Kaiming with a = sqrt 5), B zero: the model stays as it was.
    ///
    /// - Parameter seed: decides A together with the place of the module; libtorch's generator is not asked.
    package convenience init(
        _ configuration: LoRAConfiguration, for model: ModelConfiguration, base: String? = nil, seed: UInt64,
        device: Device = .cpu
    ) throws {
        try self.init(configuration, configuration.modules(of: model), base: base) { module, index in
            let values = Initialization.uniform(
                configuration.rank * module.input, bound: 1 / Double(module.input).squareRoot(),
                key: RandomKey(seed: seed, step: -2, row: index, sample: 0))
            return (
                try Tensor.of(values, shape: [configuration.rank, module.input], device: device),
                try Tensor.zeros([module.output, configuration.rank], device: device)
            )
        }
    }

    /// From a directory in PEFT's format.
    package convenience init(directory: String, for model: ModelConfiguration, device: Device = .cpu) throws {
        try self.init(.directory(directory), for: model, device: device)
    }

    /// From the files of an artifact: name -> bytes.
    package convenience init(files: [String: Data], for model: ModelConfiguration, device: Device = .cpu) throws {
        try self.init(.memory(files), for: model, device: device)
    }

    /// - Throws: ``LanguageModelError`` that names the key or tensor that is missing, misshaped or unknown.
    convenience init(_ files: ModelFiles, for model: ModelConfiguration, device: Device) throws {
        let read = try AdapterFiles(files, for: model)
        try self.init(read.configuration, read.modules, base: read.base) { module, _ in
            let rank = read.configuration.rank(of: module)
            func tensor(_ letter: String, _ shape: [Int]) throws -> Tensor {
                try read.weights.tensor(
                    TensorSpecification(AdapterFiles.tensorName(module.name, letter), shape, .zeros), dtype: .float32,
                    device: device)
            }
            return (try tensor("A", [rank, module.input]), try tensor("B", [module.output, rank]))
        }
    }

    /// A copy without gradients.
    package func copy() throws -> LowRankAdapter {
        try LowRankAdapter(configuration, modules, base: base) { module, _ in
            guard let change = changes[module.name] else {
                throw LanguageModelError(.weights, "the adapter has no change of '\(module.name)'")
            }
            return try noGrad { (try change.a.detach().clone(), try change.b.detach().clone()) }
        }
    }

    /// The weights of a trunk, those that have a change with it, without history.
    func merged(_ parameters: [NamedTensor]) throws -> [NamedTensor] {
        let places = Dictionary(uniqueKeysWithValues: modules.map { ("\($0.name).weight", $0) })
        return try parameters.map { parameter in
            guard let module = places[parameter.name], let change = changes[module.name] else { return parameter }
            return NamedTensor(
                parameter.name, try change.merged(into: parameter.tensor, transposed: module.transposed))
        }
    }

    /// Puts the changes into the weights of a trunk themselves, one after another, so that no weight is there twice.
    func merge(into parameters: [NamedTensor]) throws {
        let modules = Set(modules.map { "\($0.name).weight" })
        for parameter in parameters where modules.contains(parameter.name) {
            let merged = try merged([parameter])[0].tensor
            try noGrad { try parameter.tensor.copy(from: merged) }
        }
    }

    /// A directory in PEFT's format: adapter_config.json and adapter_model.safetensors, fp32.
    ///
    /// - Parameter task: PEFT's task type; nil for models with a scalar head, which PEFT does not know.
    package func files(task: String? = "CAUSAL_LM") throws -> [String: Data] {
        [
            AdapterFiles.configurationFile: try AdapterConfiguration.data(
                configuration, modules, base: base, task: task),
            AdapterFiles.weightsFile: try Safetensors.data(Parameters.converted(parameters, to: .float32)),
        ]
    }

    /// - Parameter synced: false leaves it to the system when the files reach the disk.
    package func export(to directory: String, synced: Bool = true) throws {
        try ModelFiles.write(files(), to: directory, synced: synced)
    }
}
