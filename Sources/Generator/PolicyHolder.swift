import Cluster
import ClusterModel
import Foundation
import LanguageModels
import Synchronization
import Tokenizers
import Torch

/// The policy's weights and what samples from them. Used on the compute thread; `version` is readable anywhere.
final class PolicyHolder: Sendable {
    // SAFETY: touched on the compute thread alone.
    nonisolated(unsafe) private var models: (base: CausalLM, current: CausalLM)?
    private let held = Mutex<Int?>(nil)

    /// Number of the version that is loaded.
    var version: Int? { held.withLock { $0 } }
    var isLoaded: Bool { version != nil }

    func load(_ files: [String: Data], _ device: Device, _ arithmetic: Arithmetic) throws {
        let model = try CausalLM(files: files, device: device)
        model.trunk.arithmetic = arithmetic
        models = (model, model)
        held.withLock { $0 = 0 }
    }

    /// Whole weights, or an adapter over those of version 0.
    func swap(_ files: [String: Data], to number: Int) throws {
        guard let (base, current) = models else { return }
        if let weights = files["model.safetensors"] {
            try base.load(safetensors: weights)
        } else {
            let adapted = try CausalLM(
                sharing: base, adapter: LowRankAdapter(files: files, for: base.configuration, device: base.device))
            adapted.trunk.arithmetic = base.trunk.arithmetic
            // One packed copy at a time.
            current.releaseDecoder()
            models = (base, adapted)
        }
        held.withLock { $0 = number }
    }

    /// Back to version 0, where only adapters came after it; false when its weights are gone.
    func restore() throws -> Bool {
        guard let (base, current) = models, current !== base else { return false }
        current.releaseDecoder()
        models = (base, base)
        held.withLock { $0 = 0 }
        return true
    }

    /// - Returns: nil when the job was called back on the way.
    func generate(
        _ job: GenerateJob, version: Int, tokenizer: Tokenizer, rowsInFlight: Int,
        progress: @escaping @Sendable (Int) -> Bool
    ) throws -> JobOutcome? {
        guard let model = models?.current else {
            throw JobError(code: "model", message: "no policy is loaded", retryable: true)
        }
        let requests = job.prompts.map {
            GenerationRequest(tokens: $0.tokens, row: $0.row, occurrence: $0.occurrence, samples: job.samples)
        }
        var options = SamplingOptions(
            temperature: job.sampling.temperature, topK: job.sampling.topK, topP: job.sampling.topP,
            maxNewTokens: job.sampling.maxNewTokens, endTokens: tokenizer.answerEnds, stop: job.sampling.stop)
        options.rowsInFlight = rowsInFlight
        struct CalledBack: Error {}
        let sequences: [GeneratedSequence]
        do {
            sequences = try model.generate(
                requests, options, seed: job.seed, step: job.id.step,
                decode: { tokenizer.decode($0, skipSpecialTokens: true) }
            ) { if !progress($0.tokens) { throw CalledBack() } }
        } catch is CalledBack {
            return nil
        }
        let ends = Set(tokenizer.answerEnds)
        return .trajectories(
            sequences.map { sequence in
                let prompt = job.prompts[sequence.request]
                let count = sequence.tokens.count
                let text = sequence.tokens.filter { !ends.contains($0) }
                let finish: FinishReason =
                    switch sequence.finish {
                    case .eos: .eos
                    case .stop: .stop
                    case .length: .length
                    }
                return Trajectory(
                    row: prompt.row, occurrence: prompt.occurrence, sample: sequence.sample,
                    promptTokens: prompt.tokens,
                    responseTokens: sequence.tokens, mask: [UInt8](repeating: 1, count: count),
                    logProbabilities: sequence.logProbabilities,
                    versions: [UInt32](repeating: UInt32(clamping: version), count: count), finish: finish,
                    promptText: prompt.text, responseText: tokenizer.decode(text))
            })
    }
}
