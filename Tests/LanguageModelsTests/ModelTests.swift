import Foundation
import Testing
import Torch

@testable import LanguageModels

@Suite struct ModelTests {
    private func fresh(seed: UInt64, tied: Bool = false) throws -> CausalLM {
        try CausalLM(
            configuration: ModelConfiguration(
                vocabularySize: 50, hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 4,
                keyValueHeadCount: 2, contextLength: 32, tiedHead: tied, endTokens: [0]), seed: seed)
    }

    @Test func freshWeightsDependOnTheSeedAlone() throws {
        let model = try fresh(seed: 3)
        #expect(try model.safetensorsData() == fresh(seed: 3).safetensorsData())
        #expect(try model.safetensorsData() != fresh(seed: 4).safetensorsData())
        let table = model.trunk.embedding
        #expect(abs(try table.mean().item()) < 0.003)
        #expect(abs(try table.variance().item().squareRoot() - 0.02) < 0.002)
        #expect(try fresh(seed: 3, tied: true).parameters.count == model.parameters.count - 1)
    }

    @Test func paddingOnEitherSideChangesNothing() throws {
        let model = try Fixtures.model("grouped")
        let prompts: [[Int32]] = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14, 15]]
        let responses: [[Int32]] = [[20, 21], [22, 23, 24, 25, 26], [27]]
        func flat(_ batch: TokenBatch) throws -> [Float] {
            try noGrad { try model.tokenLogProbabilities(batch, temperature: 0.7).values.floats() }
        }
        let right = try flat(TokenBatch(prompts: prompts, responses: responses))
        let left = try flat(TokenBatch(prompts: prompts, responses: responses, padding: .left))
        let alone = try zip(prompts, responses).flatMap { try flat(TokenBatch(prompts: [$0], responses: [$1])) }
        #expect(right.count == 8)
        for index in alone.indices {
            #expect(abs(right[index] - alone[index]) < 1e-5)
            #expect(abs(left[index] - alone[index]) < 1e-5)
        }
        let pieces = try model.logProbabilities(
            zip(prompts, responses).map { $0 + $1 }, scoredFrom: prompts.map(\.count), temperature: 0.7, tokenBudget: 8)
        #expect(pieces.map(\.count) == [2, 5, 1])
        for (a, b) in zip(pieces.joined(), alone) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func entropyIsThatOfTheDistribution() throws {
        let model = try Fixtures.model("tied")
        let batch = try TokenBatch([[3, 4, 5, 6]])
        let result = try noGrad { try model.tokenLogProbabilities(batch, temperature: 2, entropy: .measured) }
        let logits = try noGrad { try model.logits(batch).floats() }
        let width = model.configuration.vocabularySize
        let entropies = try #require(result.entropy).floats()
        let values = try result.values.floats()
        for place in 0..<3 {
            let row = logits[place * width..<(place + 1) * width].map { Double($0) / 2 }
            let total = row.reduce(0) { $0 + exp($1) }
            let p = row.map { exp($0) / total }
            #expect(abs(Double(entropies[place]) + p.reduce(0) { $0 + $1 * log($1) }) < 1e-4)
            #expect(abs(Double(values[place]) - log(p[Int(batch.rows[0][place + 1])])) < 1e-4)
        }
    }

    @Test func weightsAreReplacedInPlaceOrNotAtAll() throws {
        let (a, b) = (try fresh(seed: 1), try fresh(seed: 2))
        let copy = try a.copy()
        let original = try a.safetensorsData()
        try a.load(safetensors: b.safetensorsData())
        #expect(try a.safetensorsData() == b.safetensorsData())
        #expect(try copy.safetensorsData() == original)
        // The last tensor is spoilt: the first must not have changed.
        var tensors = try Safetensors(data: original, name: "x").tensors()
        tensors["model.norm.weight"] = try Tensor.full([16], .nan)
        let spoilt = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
        let error = #expect(throws: LanguageModelError.self) { try a.load(safetensors: spoilt) }
        #expect(error?.message.contains("model.norm.weight") == true)
        #expect(try a.safetensorsData() == b.safetensorsData())
    }

    @Test func batchesThatCannotBeAreRefused() throws {
        let model = try fresh(seed: 1)
        #expect(throws: LanguageModelError.self) { try TokenBatch([]) }
        #expect(throws: LanguageModelError.self) { try TokenBatch([[]]) }
        #expect(throws: LanguageModelError.self) { try TokenBatch(prompts: [[]], responses: [[1]]) }
        #expect(throws: LanguageModelError.self) { try TokenBatch([[1, 2]], scoredFrom: [3]) }
        #expect(throws: LanguageModelError.self) { try model.logits(tokens: [[1, 50]]) }
        #expect(throws: LanguageModelError.self) { try model.logits(tokens: [[-1]]) }
        #expect(throws: LanguageModelError.self) { try model.logits(tokens: [[Int32](repeating: 1, count: 33)]) }
    }

    @Test func rewardsAreReadAtTheLastToken() throws {
        let model = try Fixtures.model("grouped")
        let reward = try RewardModel(from: model, seed: 4)
        let rows: [[Int32]] = [[3, 4, 5], [6], [7, 8, 9, 10, 11]]
        let raw = try reward.score(rows)
        for (row, value) in zip(rows, raw) {
            let hidden = try noGrad {
                try reward.trunk.hiddenStates(TokenBatch([row])).slice(1, row.count - 1..<row.count)
            }
            #expect(abs(try noGrad { try reward.head(hidden).item() } - Double(value)) < 1e-5)
        }
        (reward.mean, reward.deviation) = (0.5, 2)
        #expect(zip(try reward.score(rows), raw).allSatisfy { abs($0 - ($1 - 0.5) / 2) < 1e-6 })
        try Fixtures.temporary { folder in
            try reward.export(to: folder)
            #expect(try RewardModel(directory: folder).score(rows) == reward.score(rows))
        }
        #expect(
            try RewardModel(files: reward.files()).score(rows, tokenBudget: 1) == reward.score(rows, tokenBudget: 1))
        var files = try reward.files()
        files["reward.json"] = Data(#"{"mean": 0, "deviation": 0}"#.utf8)
        #expect(throws: LanguageModelError.self) { try RewardModel(files: files) }
    }

    @Test func aCriticStartsAsTheNormalisedReward() throws {
        let reward = try RewardModel(from: Fixtures.model("grouped"), seed: 4)
        (reward.mean, reward.deviation) = (0.5, 2)
        let critic = try ValueModel(from: reward)
        let batch = try TokenBatch(prompts: [[3, 4, 5], [6, 7]], responses: [[8, 9], [10, 11]])
        let (values, last) = try noGrad { try critic.valuesAndLast(batch) }
        #expect(values.shape == [4])
        let states: [[Int32]] = [[3, 4, 5], [3, 4, 5, 8], [6, 7], [6, 7, 10]]
        for (a, b) in zip(try values.floats(), try reward.score(states)) { #expect(abs(a - b) < 1e-5) }
        for (a, b) in zip(try last.floats(), try reward.score(batch.rows)) { #expect(abs(a - b) < 1e-5) }
        try Fixtures.temporary { folder in
            try critic.export(to: folder)
            let again = try ValueModel(directory: folder)
            #expect(try noGrad { try again.values(batch).floats() } == values.floats())
        }
        #expect(try noGrad { try ValueModel(from: Fixtures.model("tied")).values(batch).abs().max().item() } == 0)
    }
}
