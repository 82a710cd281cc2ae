import Testing
import Torch

@testable import LanguageModels

/// The fused decoder against the plain forward pass.
@Suite struct FusedDecodingTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        var hidden = 48, intermediate = 80, heads = 4, keyValueHeads = 2, vocabulary = 101, biased = false, tied = false
        var testDescription: String { "\(self)" }
    }

    private func model(_ shape: Shape) throws -> CausalLM {
        var configuration = try ModelConfiguration(
            vocabularySize: shape.vocabulary, hiddenSize: shape.hidden, intermediateSize: shape.intermediate,
            layerCount: 3, headCount: shape.heads, keyValueHeadCount: shape.keyValueHeads, contextLength: 64,
            tiedHead: shape.tied)
        configuration.attentionBias = shape.biased
        configuration.feedForwardBias = shape.biased
        // Large enough that attention is far from uniform and every bias matters.
        configuration.initializerRange = 0.3
        let model = try CausalLM(configuration: configuration, seed: 3)
        for (index, parameter) in model.parameters.enumerated() where parameter.tensor.rank == 1 {
            let other = try Initialization.tensor(
                TensorSpecification("noise", parameter.tensor.shape, .normal(deviation: 0.3)), seed: 4, index: index,
                dtype: .float32, device: .cpu)
            try parameter.tensor.copy(from: parameter.tensor + other)
        }
        return model
    }

    private func requests(_ count: Int) -> [GenerationRequest] {
        (0..<count).map { row in
            GenerationRequest(
                tokens: (0..<(1 + row * 5 % 13)).map { Int32(($0 * 7 + row) % 100) }, row: row,
                samples: 0..<(row % 3 == 0 ? 2 : 1))
        }
    }

    @Test(arguments: [
        Shape(), Shape(biased: true), Shape(tied: true),
        Shape(hidden: 36, intermediate: 50, heads: 2, keyValueHeads: 1),
        Shape(hidden: 64, intermediate: 33, heads: 1, keyValueHeads: 1, vocabulary: 257),
        Shape(hidden: 128, intermediate: 256, heads: 2, keyValueHeads: 2, vocabulary: 512),
    ])
    func logProbabilitiesEqualThoseOfTheTrainingPass(_ shape: Shape) throws {
        let model = try model(shape)
        let requests = requests(14)
        let answers = try model.generate(requests, SamplingOptions(maxNewTokens: 40), seed: 1, step: 0)
        let again = try model.logProbabilities(
            answers.map { requests[$0.request].tokens + $0.tokens },
            scoredFrom: answers.map { requests[$0.request].tokens.count })
        for (answer, expected) in zip(answers, again) {
            for (a, b) in zip(answer.logProbabilities, expected) { #expect(abs(a - b) < 1e-4) }
        }
    }

    @Test func newWeightsAreSeen() throws {
        let model = try model(Shape())
        let greedy = SamplingOptions(temperature: 0, maxNewTokens: 8)
        let before = try model.generate(requests(2), greedy, seed: 1, step: 0)
        let other = try CausalLM(configuration: model.configuration, seed: 9)
        try model.load(safetensors: other.safetensorsData())
        let after = try model.generate(requests(2), greedy, seed: 1, step: 0)
        #expect(after.map(\.tokens) == (try other.generate(requests(2), greedy, seed: 1, step: 0)).map(\.tokens))
        #expect(before.map(\.tokens) != after.map(\.tokens))
    }

    @Test func aTokenOutOfRangeIsAnError() throws {
        let model = try model(Shape())
        let decoder = try #require(try model.decoders.decoder(model))
        let cache = try FusedDecoder.Cache(decoder, slots: 1, capacity: 16)
        #expect(throws: TorchError.self) { try decoder.step(cache, tokens: [101], positions: [0], slots: [0]) }
        #expect(throws: TorchError.self) { try decoder.step(cache, tokens: [1], positions: [16], slots: [0]) }
        #expect(throws: TorchError.self) { try decoder.step(cache, tokens: [1], positions: [0], slots: [1]) }
    }
}
