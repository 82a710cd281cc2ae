import Foundation
import Testing
import Torch

@testable import LanguageModels

/// What every model can do, with every family.
@Suite struct FamilyModelTests {
    private func logits(_ model: CausalLM, _ tokens: [Int32]) throws -> Tensor {
        try noGrad { try model.logits(tokens: [tokens]).to(dtype: .float32) }
    }

    @Test(arguments: FamilyFixtures.some)
    func halfPrecisionIsNearFull(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        let half = try CausalLM(directory: FamilyFixtures.path(name), dtype: .bfloat16)
        let (exact, near) = (try logits(model, reference.tokens), try logits(half, reference.tokens))
        let error = try (near - exact).square().mean().item().squareRoot()
        let size = try exact.square().mean().item().squareRoot()
        // Processors round half precision in their own places; wrong weights are off by the size itself.
        #expect(error < 0.2 * size)
        let request = GenerationRequest(tokens: reference.prompts[0], row: 0, samples: 0..<2)
        let answers = try half.generate([request], SamplingOptions(maxNewTokens: 12), seed: 1, step: 0)
        #expect(answers.map(\.tokens.count) == [12, 12])
    }

    @Test(arguments: FamilyFixtures.some)
    func freshWeightsAndCopiesWork(_ name: String) throws {
        let configuration = try FamilyFixtures.model(name).configuration
        let fresh = try CausalLM(configuration: configuration, seed: 7)
        let expected = try logits(fresh, [4, 5, 6])
        #expect(try expected.allFinite())
        #expect(try largestDifference(logits(fresh.copy(), [4, 5, 6]), expected) == 0)
        try Fixtures.temporary { folder in
            try fresh.export(to: folder)
            #expect(try largestDifference(logits(CausalLM(directory: folder), [4, 5, 6]), expected) == 0)
        }
        // Weights of another version, as they come over the wire.
        let other = try CausalLM(configuration: configuration, seed: 8)
        try other.load(safetensors: fresh.safetensorsData())
        #expect(try largestDifference(logits(other, [4, 5, 6]), expected) == 0)
    }

    @Test(arguments: FamilyFixtures.some)
    func rewardAndValueModelsHaveAnyTrunk(_ name: String) throws {
        let rows = try FamilyFixtures.reference(name).rows
        let reward = try RewardModel(from: FamilyFixtures.model(name), seed: 4)
        let batch = try TokenBatch(rows)
        let values = try noGrad { try ValueModel(from: reward).values(batch).floats() }
        try Fixtures.temporary { folder in
            try reward.export(to: folder)
            #expect(try RewardModel(directory: folder).score(rows) == reward.score(rows))
            let critic = try ValueModel(from: reward)
            try critic.export(to: "\(folder)/critic")
            let again = try ValueModel(directory: "\(folder)/critic")
            #expect(try noGrad { try again.values(batch).floats() } == values)
        }
    }

    /// A part of a stretched head turns as the paper says: the fast pairs as ever, the slow ones slower by the factor.
    @Test func yarnLeavesFastPairsAndStretchesSlowOnes() {
        var yarn = Rotary.YaRN(factor: 8, originalContext: 4096, attentionFactor: 1)
        (yarn.betaFast, yarn.betaSlow) = (32, 1)
        let plain = RotaryFrequencies.make(size: 128, Rotary())
        let stretched = RotaryFrequencies.make(size: 128, Rotary(scaling: .yarn(yarn)))
        for (a, b) in zip(plain, stretched) {
            let turns = 4096 * a / (2 * Double.pi)
            if turns > 64 { #expect(b == a) }
            if turns < 0.5 { #expect(abs(b - a / 8) < 1e-12) }
            #expect(b <= a && b >= a / 8 * (1 - 1e-12))
        }
        #expect(stretched.last.map { $0 < plain[63] / 7 } == true)
    }
}
