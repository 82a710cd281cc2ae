import Cluster
import ClusterModel
import Foundation
import LanguageModels
import Synchronization
import Tokenizers
import Torch

/// The policy's weights and what samples from them. Used on the compute thread; `version` is readable anywhere.
///
///     EMPTY --(1) version 0, or weights of any version--> WHOLE: packed, and in no other form
///     EMPTY, WHOLE --(2) version 0, because an adapter has come--> ADAPTED: the base as it is in training, and what it gives
///     ADAPTED --(3) another adapter, or none--> ADAPTED;  ADAPTED --(1)--> WHOLE
final class PolicyHolder: Sendable {
    private enum Held {
        case whole(InferenceModel)
        case adapted(base: CausalLM, current: CausalLM)
    }

    // SAFETY: touched on the compute thread alone.
    nonisolated(unsafe) private var model: Held?
    /// The files of version 0 beside its weights.
    nonisolated(unsafe) private var companions: [String: Data] = [:]
    private let held = Mutex<Int?>(nil)

    /// Number of the version that is loaded.
    var version: Int? { held.withLock { $0 } }
    var isLoaded: Bool { version != nil }
    /// Whether an adapter can be taken.
    var hasBase: Bool {
        if case .adapted = model { true } else { false }
    }

    /// Edge 1 with version 0, whose files are all that a model needs.
    func load(_ files: [String: Data], _ device: Device, _ arithmetic: Arithmetic) throws {
        companions = files.filter { !$0.key.hasSuffix(".safetensors") && !$0.key.hasSuffix(".safetensors.index.json") }
        try take(files, device, arithmetic, as: 0)
    }

    /// Edge 1 with the weights of another version.
    func load(weights: Data, _ device: Device, _ arithmetic: Arithmetic, as number: Int) throws {
        var files = companions
        files[ModelFiles.weightsFile] = weights
        try take(files, device, arithmetic, as: number)
    }

    private func take(
        _ files: [String: Data], _ device: Device, _ arithmetic: Arithmetic, as number: Int
    ) throws {
        // One packed copy at a time.
        held.withLock { $0 = nil }
        model = nil
        model = .whole(try InferenceModel(files: files, device: device, arithmetic: arithmetic))
        held.withLock { $0 = number }
    }

    /// Edge 2.
    func loadBase(_ files: [String: Data], _ device: Device, _ arithmetic: Arithmetic) throws {
        held.withLock { $0 = nil }
        model = nil
        let base = try CausalLM(files: files, device: device)
        base.trunk.arithmetic = arithmetic
        model = .adapted(base: base, current: base)
        held.withLock { $0 = 0 }
    }

    /// Edge 3. Does nothing where there is no base.
    func adapt(_ files: [String: Data], as number: Int) throws {
        guard case .adapted(let base, let current) = model else { return }
        let adapted = try CausalLM(
            sharing: base, adapter: LowRankAdapter(files: files, for: base.configuration, device: base.device))
        adapted.trunk.arithmetic = base.trunk.arithmetic
        current.releaseDecoder()
        model = .adapted(base: base, current: adapted)
        held.withLock { $0 = number }
    }

    /// Edge 3, back to version 0; false when its weights are gone.
    func restore() -> Bool {
        guard case .adapted(let base, let current) = model else { return false }
        if current !== base { current.releaseDecoder() }
        model = .adapted(base: base, current: base)
        held.withLock { $0 = 0 }
        return true
    }

    /// - Returns: nil when the job was called back on the way.
    func generate(
        _ job: GenerateJob, version: Int, tokenizer: Tokenizer, rowsInFlight: Int,
        progress: @escaping @Sendable (Int) -> Bool
    ) throws -> JobOutcome? {
        guard let model else { throw JobError(code: "model", message: "no policy is loaded", retryable: true) }
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
            let decode: ([Int32]) -> String = { tokenizer.decode($0, skipSpecialTokens: true) }
            let onStep: (GenerationProgress) throws -> Void = { if !progress($0.tokens) { throw CalledBack() } }
            sequences =
                switch model {
                case .whole(let model):
                    try model.generate(
                        requests, options, seed: job.seed, step: job.id.step, decode: decode, onStep: onStep)
                case .adapted(_, let model):
                    try model.generate(
                        requests, options, seed: job.seed, step: job.id.step, decode: decode, onStep: onStep)
                }
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
