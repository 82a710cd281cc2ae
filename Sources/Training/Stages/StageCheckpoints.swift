import AtomicFiles
package import Foundation
import PolicyOptimization
import RunLayout
import Torch

/// Where an interrupted stage goes on, beside the directory it is to leave behind:
///
///     runs/x/.sft.checkpoints/step-000040/   state.json               how far, and the hash of the stage's inputs
///                                            weights.safetensors      what is trained
///                                            optimizer.safetensors    moments and count of steps
///                                            best.safetensors         the best weights, once there are some
///
/// A checkpoint is written beside its place, flushed and renamed, so it is whole or absent; the one before it is removed
/// only then. Checkpoints of other inputs are not looked at.
package struct StageCheckpoints: Sendable {
    private static let weightsFile = "weights.safetensors"
    private static let optimizerFile = "optimizer.safetensors"
    private static let bestFile = "best.safetensors"

    private struct State: Codable {
        var inputs: String
        var progress: LoopProgress
    }

    package let directory: URL
    /// Hash of all that determines the result.
    let inputs: String

    package init(directory: URL, inputs: String) {
        self.directory = directory
        self.inputs = inputs
    }

    func save(
        _ progress: LoopProgress, _ parameters: [NamedTensor], _ optimizer: AdamW, _ kept: KeptWeights
    ) throws {
        let name = RunLayout.checkpointName(progress.step)
        let final = directory.appending(path: name)
        let partial = RunLayout.partial(final)
        let manager = FileManager.default
        do {
            try? manager.removeItem(at: partial)
            try manager.createDirectory(at: partial, withIntermediateDirectories: true)
            let path = partial.path(percentEncoded: false)
            try Safetensors.write(
                parameters.map { NamedTensor($0.name, try $0.tensor.detach()) }, to: "\(path)/\(Self.weightsFile)")
            try Safetensors.write(optimizer.state(), to: "\(path)/\(Self.optimizerFile)")
            if let best = kept.copies { try Safetensors.write(best, to: "\(path)/\(Self.bestFile)") }
            try AtomicFile.write(
                JSONEncoder().encode(State(inputs: inputs, progress: progress)),
                to: "\(path)/\(RunLayout.checkpointState)")
            try DurableFiles.replace(final, with: partial)
        } catch {
            try? manager.removeItem(at: partial)
            throw TrainingError(
                .io,
                "cannot write a checkpoint to \(directory.path(percentEncoded: false)); the one before is as it was",
                cause: error)
        }
        for old in all() where old.lastPathComponent != name { try? manager.removeItem(at: old) }
    }

    /// Takes over the newest checkpoint of the same inputs; nil when there is none.
    func restore(
        _ parameters: [NamedTensor], _ optimizer: AdamW, _ kept: inout KeptWeights
    ) throws -> LoopProgress? {
        for candidate in all().reversed() {
            guard let data = try? Data(contentsOf: candidate.appending(path: RunLayout.checkpointState)),
                let state = try? JSONDecoder().decode(State.self, from: data), state.inputs == inputs,
                state.progress.step >= 0
            else { continue }
            let path = candidate.path(percentEncoded: false)
            do {
                let weights = try Self.read("\(path)/\(Self.weightsFile)", like: parameters)
                if state.progress.best != nil {
                    kept.take(try Self.read("\(path)/\(Self.bestFile)", like: parameters))
                }
                try optimizer.load(Safetensors(path: "\(path)/\(Self.optimizerFile)").tensors())
                try noGrad {
                    for (parameter, saved) in zip(parameters, weights) { try parameter.tensor.copy(from: saved.tensor) }
                }
            } catch {
                throw TrainingError(.io, "\(path) is damaged; remove it to start the stage again", cause: error)
            }
            return state.progress
        }
        return nil
    }

    /// When the stage is done.
    package func remove() { try? FileManager.default.removeItem(at: directory) }

    /// Oldest first.
    private func all() -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))) ?? []
        return names.compactMap { name -> (step: Int, url: URL)? in
            guard let step = RunLayout.checkpointStep(name) else { return nil }
            return (step, directory.appending(path: name))
        }.sorted { $0.step < $1.step }.map(\.url)
    }

    private static func read(_ path: String, like parameters: [NamedTensor]) throws -> [NamedTensor] {
        let file = try Safetensors(path: path)
        return try parameters.map { parameter in
            guard file.shape(of: parameter.name) == parameter.tensor.shape else {
                throw TrainingError(.io, "\(path) has no tensor '\(parameter.name)' of the right shape")
            }
            return NamedTensor(parameter.name, try file.tensor(parameter.name).to(device: parameter.tensor.device))
        }
    }
}
