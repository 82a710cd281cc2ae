package import Foundation
package import Torch

/// A model that answers and does nothing else: where there is a packed form, its weights are in memory once, in that form.
///
/// On the compute thread; not Sendable.
package final class InferenceModel {
    package let configuration: ModelConfiguration
    private enum Form {
        case packed(FusedDecoder)
        case plain(CausalLM)
    }
    private let form: Form

    /// From a Hugging Face directory, with the LoRA adapter of another directory merged in.
    package convenience init(directory: String, adapter: String? = nil, device: Device = .cpu) throws {
        let model = try CausalLM(directory: directory, device: device)
        if let adapter {
            try LowRankAdapter(directory: adapter, for: model.configuration, device: device)
                .merge(into: model.parameters)
        }
        try self.init(model)
    }

    /// From the files of an artifact: name -> bytes.
    package convenience init(files: [String: Data], device: Device = .cpu, arithmetic: Arithmetic = .fast) throws {
        let model = try CausalLM(files: files, device: device)
        model.trunk.arithmetic = arithmetic
        try self.init(model)
    }

    private init(_ model: CausalLM) throws {
        configuration = model.configuration
        guard try model.canBeFused else {
            form = .plain(model)
            return
        }
        form = .packed(
            try model.trunk.arithmetic {
                try model.trunk.family.decoder(
                    DecoderOptions(head: model.head, threads: TorchRuntime.threads, consuming: true))
            })
    }

    /// As ``CausalLM/generate(_:_:seed:step:decode:onStep:)``, and with the same result.
    package func generate(
        _ requests: [GenerationRequest], _ options: SamplingOptions, seed: UInt64, step: Int,
        decode: (([Int32]) -> String)? = nil, onStep: ((GenerationProgress) throws -> Void)? = nil
    ) throws -> [GeneratedSequence] {
        switch form {
        case .plain(let model):
            return try model.generate(requests, options, seed: seed, step: step, decode: decode, onStep: onStep)
        case .packed(let decoder):
            return try noGrad {
                var generation = try Generation(
                    configuration, requests, options, seed: seed, step: step, decode: decode, onStep: onStep)
                return try generation.run(decoder)
            }
        }
    }
}
