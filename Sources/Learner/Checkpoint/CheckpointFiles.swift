import AtomicFiles
import Console
package import Cluster
package import Foundation
import LanguageModels
import PolicyOptimization
import RunLayout
import Torch

/// What a checkpoint directory holds:
///
///     policy/                  Hugging Face directory, fp32; with LoRA PEFT's directory of the adapter alone. Its files are
///                              those that generators pull (``VersionStore``), linked.
///     earlier/                 the same of versions before it that leases may name
///     critic/                  value model, or its adapter and head, when it is separate
///     value_head.safetensors   when it is shared
///     optimizer.safetensors    moments and step counts, names prefixed `policy.` and `critic.`
///     masters.safetensors      fp32 copies of what is trained in half precision, names prefixed as there
///     state.json               step, controllers, running moments, guard rails, figures of the last step
package enum CheckpointFiles {
    static let optimizerFile = "optimizer.safetensors"
    static let mastersFile = "masters.safetensors"
    static let sharedHeadFile = "value_head.safetensors"

    struct State: Codable {
        var schema = 1
        var trainer: TrainerState
        /// Of the step that led here, for a commit that has to be said again.
        var metrics: [String: Double]
        var seed: UInt64
    }

    /// A step's figures as the coordinator stores them.
    package static func encode(_ report: StepReport) throws -> Data { try encode(metrics: report.metrics) }

    package static func encode(metrics: [String: Double]) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(metrics.filter { $0.value.isFinite })
    }

    /// The figures of the step that a checkpoint follows.
    package static func metrics(in directory: URL) throws -> Data { try encode(metrics: state(in: directory).metrics) }

    /// What generators need of a policy's version beside version 0: its weights, or its adapter; mapped.
    package static func policyFiles(in directory: URL) throws -> [ServedFile] {
        try policyFiles(at: directory.appending(path: RunLayout.checkpointPolicy), of: directory)
    }

    /// - Parameter directory: the checkpoint that the policy's directory is linked to.
    static func policyFiles(at policy: URL, of directory: URL) throws -> [ServedFile] {
        let names =
            AdapterFiles.isAdapter(policy.path(percentEncoded: false))
            ? [AdapterFiles.configurationFile, AdapterFiles.weightsFile] : [ModelFiles.weightsFile]
        return try names.map { name in
            let file = policy.appending(path: name)
            do {
                return try ServedFile(name: name, mapping: file)
            } catch {
                throw LearnerError(
                    .checkpoint, "\(file.path(percentEncoded: false)) cannot be read; \(remedy(directory))",
                    cause: error)
            }
        }
    }

    static func state(in directory: URL) throws -> State {
        let file = directory.appending(path: RunLayout.checkpointState)
        do {
            return try read(file)
        } catch {
            throw LearnerError(
                .checkpoint, "\(file.path(percentEncoded: false)) cannot be read; \(remedy(directory))",
                cause: error)
        }
    }

    private static func read(_ file: URL) throws -> State {
        try JSONDecoder().decode(State.self, from: Data(contentsOf: file))
    }

    /// The coordinator has the step of a damaged checkpoint committed, so that the run itself cannot go back.
    static func remedy(_ directory: URL) -> String {
        let folder = directory.deletingLastPathComponent()
        let run = folder.deletingLastPathComponent().path
        let whole = CheckpointStore(directory: folder, keep: 1).all().filter {
            $0.url.lastPathComponent != directory.lastPathComponent
                && (try? read($0.url.appending(path: RunLayout.checkpointState))) != nil
        }
        guard let before = whole.last else { return "no other checkpoint is whole; start again with --fresh" }
        return
            "its step is committed, so this run cannot go back; start another one, with a run_directory of its own, from the "
            + "checkpoint before: \(Invocation.skein) run --from \(run)@\(before.step)"
    }
}

extension PPOTrainer {
    /// Writes the whole state into an empty directory; the caller makes it durable (``CheckpointStore``).
    package func saveCheckpoint(to directory: URL, report: StepReport? = nil) throws {
        try savePolicy(to: directory.appending(path: RunLayout.checkpointPolicy))
        try restOfCheckpoint(report)(directory)
    }

    /// Writes the policy's directory, not synced.
    func savePolicy(to directory: URL) throws {
        let path = directory.path(percentEncoded: false)
        if let adapter = policy.trunk.adapter {
            try adapter.export(to: path, synced: false)
        } else {
            try policy.export(to: path, synced: false)
        }
    }

    /// Everything of a checkpoint but the policy, as what writes it into a directory, not synced. It may be called on another
    /// thread, as long as ``gate`` is held: it reads the tensors as they are then.
    func restOfCheckpoint(_ report: StepReport?) throws -> (URL) throws -> Void {
        var optimizer = try policyOptimizer.state().map { NamedTensor("policy.\($0.name)", $0.tensor) }
        optimizer += try criticOptimizer?.state().map { NamedTensor("critic.\($0.name)", $0.tensor) } ?? []
        let head: [NamedTensor] =
            if case .shared(let head) = critic {
                try head.parameters.map { NamedTensor($0.name, try $0.tensor.detach()) }
            } else {
                []
            }
        let critic = critic
        let masters = masters
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let state = try encoder.encode(
            CheckpointFiles.State(
                trainer: state, metrics: (report?.metrics ?? [:]).filter { $0.value.isFinite }, seed: settings.seed))
        return { directory in
            let path = directory.path(percentEncoded: false)
            if case .separate(let model) = critic {
                if model.trunk.adapter == nil {
                    try model.export(to: "\(path)/critic", synced: false)
                } else {
                    try model.exportAdapter(to: "\(path)/critic")
                }
            }
            for (name, tensors) in [
                (CheckpointFiles.sharedHeadFile, head), (CheckpointFiles.mastersFile, masters),
                (CheckpointFiles.optimizerFile, optimizer),
            ] where !tensors.isEmpty {
                try Safetensors.write(tensors, to: "\(path)/\(name)", synced: false)
            }
            try AtomicFile.write(state, to: "\(path)/\(RunLayout.checkpointState)", synced: false)
        }
    }

    /// Bytes of that, all but a few.
    func sizeOfRest() throws -> Int {
        var tensors = try policyOptimizer.state() + (criticOptimizer?.state() ?? []) + masters
        if case .separate(let model) = critic {
            tensors += model.trunk.adapter == nil ? model.parameters : model.trainable
        }
        return try tensors.reduce(0) { $0 + (try $1.tensor.byteCount) }
    }

    /// Takes over what ``saveCheckpoint(to:report:)`` wrote. Everything is read and checked before the first weight is
    /// changed, but for the optimizer's moments, which check themselves.
    package func loadCheckpoint(from directory: URL) throws {
        let path = directory.path(percentEncoded: false)
        let saved = try CheckpointFiles.state(in: directory)
        guard saved.seed == settings.seed else {
            throw LearnerError(
                .checkpoint, "\(path) belongs to a run with seed \(saved.seed), this one has \(settings.seed)")
        }
        do {
            let optimizer = try Safetensors(path: "\(path)/\(CheckpointFiles.optimizerFile)").tensors()
            func part(_ prefix: String) -> [String: Tensor] {
                var result: [String: Tensor] = [:]
                for (name, tensor) in optimizer where name.hasPrefix(prefix) {
                    result[String(name.dropFirst(prefix.count))] = tensor
                }
                return result
            }
            switch critic {
            case .separate(let model):
                try Self.copy(Self.stored(like: model, in: "\(path)/critic"), into: model.trainable)
                try criticOptimizer?.load(part("critic."))
            case .shared(let head):
                let stored = try Safetensors(path: "\(path)/\(CheckpointFiles.sharedHeadFile)").tensors()
                try Self.copy(stored.map { NamedTensor($0.key, $0.value) }, into: head.parameters)
            case nil: break
            }
            try policyOptimizer.load(part("policy."))
            if let adapter = policy.trunk.adapter {
                let stored = try Self.stored(
                    like: adapter, in: "\(path)/\(RunLayout.checkpointPolicy)", policy.configuration)
                try Self.copy(stored.parameters, into: adapter.parameters)
            } else {
                try policy.load(
                    safetensors: Data(
                        contentsOf: directory.appending(
                            path: "\(RunLayout.checkpointPolicy)/\(ModelFiles.weightsFile)"),
                        options: .mappedIfSafe))
            }
            let masters = masters
            if !masters.isEmpty {
                let stored = try Safetensors(path: "\(path)/\(CheckpointFiles.mastersFile)").tensors()
                try Self.copy(stored.map { NamedTensor($0.key, $0.value) }, into: masters)
                try policyMasters.publish()
                try criticMasters?.publish()
            }
        } catch let error as LearnerError {
            throw error
        } catch {
            throw LearnerError(
                .checkpoint,
                "\(path) is damaged, or does not fit this run's models; \(CheckpointFiles.remedy(directory))",
                cause: error)
        }
        state = saved.trainer.resumed(with: settings)
    }

    /// Of policy and critic, under the names of a checkpoint.
    private var masters: [NamedTensor] {
        policyMasters.copies.map { NamedTensor("policy.\($0.name)", $0.tensor) }
            + (criticMasters?.copies ?? []).map { NamedTensor("critic.\($0.name)", $0.tensor) }
    }

    /// The adapter in a directory, if it is of the same shape as this run's.
    private static func stored(
        like adapter: LowRankAdapter, in path: String, _ model: ModelConfiguration
    ) throws -> LowRankAdapter {
        let stored = try LowRankAdapter(directory: path, for: model)
        guard stored.scales == adapter.scales,
            stored.parameters.map(\.name) == adapter.parameters.map(\.name)
        else {
            throw LearnerError(.checkpoint, "\(path) was made with another rank, alpha or other targets of lora")
        }
        return stored
    }

    private static func stored(like model: ValueModel, in path: String) throws -> [NamedTensor] {
        guard let adapter = model.trunk.adapter else { return try ValueModel(directory: path).parameters }
        let head = try Safetensors(path: "\(path)/\(ValueModel.headFile)").tensors()
        return try stored(like: adapter, in: path, model.configuration).parameters
            + head.map { NamedTensor($0.key, $0.value) }
    }

    private static func copy(_ source: [NamedTensor], into target: [NamedTensor]) throws {
        let named = Dictionary(source.map { ($0.name, $0.tensor) }) { first, _ in first }
        let pairs = try target.map { parameter in
            guard let tensor = named[parameter.name], tensor.shape == parameter.tensor.shape else {
                throw LearnerError(.checkpoint, "tensor '\(parameter.name)' is missing or has another shape")
            }
            return (parameter.tensor, tensor)
        }
        try noGrad { for (target, source) in pairs { try target.copy(from: source) } }
    }
}
