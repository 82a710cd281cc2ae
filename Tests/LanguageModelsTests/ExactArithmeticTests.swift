import Testing
import Torch

@testable import LanguageModels

/// `arithmetic: exact`: what sampling with a cache says of a token is what a training forward says, to the bit.
@Suite struct ExactArithmeticTests {
    /// Answers of up to `tokens` tokens to `rows` prompts of 1 to 9 tokens.
    private func answers(_ model: CausalLM, rows: Int, tokens: Int) throws -> (
        prompts: [[Int32]], sequences: [GeneratedSequence]
    ) {
        let prompts = (0..<rows).map { row in (0...(row * 7 % 9)).map { Int32(3 + (row * 5 + $0 * 11) % 40) } }
        let requests = prompts.enumerated().map { GenerationRequest(tokens: $1, row: $0) }
        // A token that ends some answers early, so that rows leave the batch.
        let options = SamplingOptions(temperature: 0.8, maxNewTokens: tokens, endTokens: [7])
        return (prompts, try model.generate(requests, options, seed: 5, step: rows))
    }

    /// Count of tokens, and how many of them two ways of the learner's see differently than the sampler did.
    private func compare(_ sampler: CausalLM, _ learner: CausalLM, rows: Int, tokens: Int) throws -> (Int, Int) {
        let (prompts, sequences) = try answers(sampler, rows: rows, tokens: tokens)
        let whole = zip(prompts, sequences).map { $0 + $1.tokens }
        let starts = prompts.map(\.count)
        // Without history, in small micro-batches.
        let recomputed = try learner.logProbabilities(
            whole, scoredFrom: starts, temperature: 0.8, tokenBudget: 16 + rows * 5)
        // With history, all in one batch.
        let batch = try TokenBatch(whole, scoredFrom: starts)
        let trained = batch.split(try learner.tokenLogProbabilities(batch, temperature: 0.8).values.floats())
        var different = 0
        for (row, sequence) in sequences.enumerated() {
            for (place, sampled) in sequence.logProbabilities.enumerated()
            where recomputed[row][place] != sampled || trained[row][place] != sampled {
                different += 1
            }
        }
        return (sequences.reduce(0) { $0 + $1.tokens.count }, different)
    }

    private func room(_ model: CausalLM) -> Int { min(24, model.configuration.contextLength - 10) }

    @Test(arguments: FamilyFixtures.names)
    func everyFamilyAndOption(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        model.trunk.arithmetic = .exact
        try model.setTrainable(true)
        for rows in [1, 2, 7, 31] {
            let (count, different) = try compare(model, model, rows: rows, tokens: room(model))
            #expect(count > 0 && different == 0, "\(different) of \(count) tokens in a batch of \(rows)")
        }
    }

    @Test(arguments: FamilyFixtures.some)
    func tenThousandTokensInBatchesOf1To64(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        model.trunk.arithmetic = .exact
        try model.setTrainable(true)
        var (tokens, different) = (0, 0)
        for rows in 1...64 {
            let found = try compare(model, model, rows: rows, tokens: room(model))
            tokens += found.0
            different += found.1
        }
        #expect(tokens >= 10_000)
        #expect(different == 0, "\(different) of \(tokens) tokens")
    }

    /// The kernels of machines with narrower vectors: each agrees with itself to the bit and with this one's to rounding.
    @Test(arguments: FamilyFixtures.names, [VectorInstructions.any, .avx2])
    func narrowerVectors(_ name: String, _ vectors: VectorInstructions) throws {
        let rows = try FamilyFixtures.reference(name).rows
        let widest = try FamilyFixtures.model(name).logProbabilities(rows)
        try vectors.limiting {
            #expect(VectorInstructions.inUse.rawValue <= vectors.rawValue)
            let model = try FamilyFixtures.model(name)
            model.trunk.arithmetic = .exact
            try model.setTrainable(true)
            for count in [1, 3, 17] {
                let (tokens, different) = try compare(model, model, rows: count, tokens: room(model))
                #expect(tokens > 0 && different == 0, "\(different) of \(tokens) tokens in a batch of \(count)")
            }
            for (a, b) in zip(try model.logProbabilities(rows), widest) {
                #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
            }
        }
    }

    /// What samples has the adapter in its packed weights, the learner beside them.
    @Test(arguments: AdapterFixtures.names)
    func anAdapterMergedAndBeside(_ name: String) throws {
        let learner = try AdapterFixtures.model(name)
        let sampler = try AdapterFixtures.model(name)
        learner.trunk.arithmetic = .exact
        sampler.trunk.arithmetic = .exact
        try learner.setTrainable(true)
        for rows in [1, 6, 33] {
            let (count, different) = try compare(sampler, learner, rows: rows, tokens: room(learner))
            #expect(different == 0, "\(different) of \(count) tokens in a batch of \(rows)")
        }
    }

    /// Values and gradients are those of the fast arithmetic but for rounding, also where layers are computed again.
    @Test(arguments: FamilyFixtures.names, [false, true])
    func gradientsAgreeWithTheFastOnes(_ name: String, recomputes: Bool) throws {
        let model = try FamilyFixtures.model(name)
        let rows = try FamilyFixtures.reference(name).rows
        try model.setTrainable(true)
        model.trunk.recomputesLayers = recomputes
        func step(_ arithmetic: Arithmetic) throws -> (values: [Float], gradients: [[Float]]) {
            model.trunk.arithmetic = arithmetic
            try zeroGradients(model.trainable.map(\.tensor))
            let values = try model.tokenLogProbabilities(TokenBatch(rows)).values
            try values.mean().backward()
            return (try values.floats(), try model.trainable.map { try $0.tensor.gradient()?.floats() ?? [] })
        }
        let (fast, exact) = (try step(.fast), try step(.exact))
        #expect(zip(fast.values, exact.values).allSatisfy { abs($0 - $1) < 1e-4 })
        for (a, b) in zip(fast.gradients, exact.gradients) {
            let size = a.map(abs).max() ?? 0
            #expect(!b.isEmpty && a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 + 1e-3 * size })
        }
    }

    @Test func whatExactArithmeticCannotDoIsAnError() throws {
        let wide = try CausalLM(directory: FamilyFixtures.path("llama-grouped"), dtype: .float64)
        wide.trunk.arithmetic = .exact
        #expect { try wide.logits(tokens: [[3, 4]]) } throws: { "\($0)".contains("fp32 on the CPU") }
        let model = try FamilyFixtures.model("llama-grouped")
        model.trunk.arithmetic = .exact
        #expect { try model.logits(TokenBatch([[3, 4], [5]], padding: .left)) } throws: {
            "\($0)".contains("padded on the right")
        }
    }
}
