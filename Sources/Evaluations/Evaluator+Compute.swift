import Datasets
import LanguageModels
import RunConfiguration
import Tokenizers
import Torch

/// What takes tensors: answers in the order of prompts and samples, flat.
struct ComputedAnswers: Sendable {
    var samples: Int
    var tokens: [[Int32]]
    /// As rewards see them, without the token that ends an answer.
    var texts: [String]
    /// Nats from the reference; empty when it was not asked for.
    var kl: [Double]
    /// By the names of rewards of kind model.
    var modelScores: [String: [Float?]]

    /// [prompt][sample]; empty for no values.
    func nested<Value>(_ flat: [Value]) -> [[Value]] {
        stride(from: 0, to: flat.count, by: samples).map { Array(flat[$0..<min($0 + samples, flat.count)]) }
    }
}

extension Evaluator {
    private static let promptsAtOnce = 64

    /// On the compute thread. Models are loaded one after another and let go of again.
    func compute(_ policy: HeldOutPolicy, sequenceKL: Bool) throws -> ComputedAnswers {
        let device = try Device.named(run.device)
        let arithmetic = run.isExact ? Arithmetic.exact : .fast
        let (sequences, kl) = try answers(policy, device, arithmetic, sequenceKL)
        let tokenizer = encoder.tokenizer
        let ends = Set(tokenizer.answerEnds)
        let tokens = sequences.map(\.tokens)
        let texts = tokens.map { tokenizer.decode($0.filter { !ends.contains($0) }) }
        var scores: [String: [Float?]] = [:]
        let samples = run.evaluation.samples
        for case (let section, nil) in rewards {
            guard let path = section.model?.path else { continue }
            let model = try ModelScores(path, encoder, run, device)
            scores[section.name] = try model.score(
                tokens.indices.map {
                    (prompts[$0 / samples], tokens[$0], texts[$0], isFinished: sequences[$0].finish == .eos)
                })
        }
        return ComputedAnswers(samples: samples, tokens: tokens, texts: texts, kl: kl, modelScores: scores)
    }

    private func answers(
        _ policy: HeldOutPolicy, _ device: Device, _ arithmetic: Arithmetic, _ sequenceKL: Bool
    ) throws -> (sequences: [GeneratedSequence], kl: [Double]) {
        let model = try policy.load(device, arithmetic)
        let tokenizer = encoder.tokenizer
        let options = SamplingOptions(
            temperature: run.evaluation.temperature,
            maxNewTokens: run.evaluation.maxNewTokens ?? run.rollout.maxNewTokens, endTokens: tokenizer.answerEnds,
            stop: run.rollout.stop)
        let sequences = try stride(from: 0, to: prompts.count, by: Self.promptsAtOnce).flatMap { from in
            try model.generate(
                (from..<min(from + Self.promptsAtOnce, prompts.count)).map {
                    GenerationRequest(tokens: prompts[$0].tokens, row: $0, samples: 0..<run.evaluation.samples)
                }, options, seed: run.seed, step: Self.step,
                decode: { tokenizer.decode($0, skipSpecialTokens: true) })
        }
        model.releaseDecoder()
        return (sequences, sequenceKL ? try self.sequenceKL(model, policy, sequences, device, arithmetic) : [])
    }

    /// Of each answer: the sum of log pi - log pi_ref over its tokens.
    private func sequenceKL(
        _ model: CausalLM, _ policy: HeldOutPolicy, _ sequences: [GeneratedSequence], _ device: Device,
        _ arithmetic: Arithmetic
    ) throws -> [Double] {
        guard let directory = run.models.reference else {
            throw EvaluationError("models.reference is not set in the run file")
        }
        let samples = run.evaluation.samples
        let rows = sequences.enumerated().map { prompts[$0.offset / samples].tokens + $0.element.tokens }
        let starts = sequences.indices.map { prompts[$0 / samples].tokens.count }
        let temperature = run.evaluation.temperature > 0 ? run.evaluation.temperature : 1
        let mine = try model.logProbabilities(rows, scoredFrom: starts, temperature: temperature)
        // Where the policy is an adapter over the reference, the weights are there already.
        let reference =
            try model.trunk.adapter != nil && policy.directory == directory
            ? CausalLM(sharing: model, adapter: nil) : CausalLM(directory: directory, device: device)
        reference.trunk.arithmetic = arithmetic
        let theirs = try reference.logProbabilities(rows, scoredFrom: starts, temperature: temperature)
        return zip(mine, theirs).map { zip($0, $1).reduce(0.0) { $0 + Double($1.0 - $1.1) } }
    }
}
