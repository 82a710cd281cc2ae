import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Who waits for whose slot, and how prompts are cut into steps, shows in no bit.
@Suite struct ContinuousBatchTests {
    private func requests(_ count: Int, longest: Int) -> [GenerationRequest] {
        (0..<count).map { row in
            let length = 1 + row * 37 % longest
            return GenerationRequest(
                tokens: (0..<length).map { Int32(3 + (row * 5 + $0 * 11) % 40) }, row: row, samples: 0..<(1 + row % 3))
        }
    }

    @Test(arguments: FamilyFixtures.some)
    func slotsChangeNothing(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        var options = SamplingOptions(temperature: 0.9, maxNewTokens: 16, endTokens: [5, 7, 11, 13])
        let all = try model.generate(requests(12, longest: 9), options, seed: 3, step: 1)
        #expect(Set(all.map(\.tokens.count)).count > 2)
        for slots in [1, 2, 3, 7] {
            options.rowsInFlight = slots
            #expect(try model.generate(requests(12, longest: 9), options, seed: 3, step: 1) == all)
        }
        options.rowsInFlight = 0
        #expect(throws: LanguageModelError.self) {
            try model.generate(requests(1, longest: 2), options, seed: 3, step: 1)
        }
    }

    /// Prompts longer than a step, which cut others in two.
    @Test func longPromptsAreReadInPieces() throws {
        var configuration = try ModelConfiguration(
            vocabularySize: 101, hiddenSize: 48, intermediateSize: 80, layerCount: 3, headCount: 4,
            keyValueHeadCount: 2,
            contextLength: 512)
        configuration.initializerRange = 0.2
        let model = try CausalLM(configuration: configuration, seed: 3)
        model.trunk.arithmetic = .exact
        let requests = requests(9, longest: 300)
        #expect(requests.contains { $0.tokens.count > 256 })
        var options = SamplingOptions(maxNewTokens: 20)
        let answers = try model.generate(requests, options, seed: 1, step: 0)
        options.rowsInFlight = 2
        #expect(try model.generate(requests, options, seed: 1, step: 0) == answers)
        let again = try model.logProbabilities(
            answers.map { requests[$0.request].tokens + $0.tokens },
            scoredFrom: answers.map { requests[$0.request].tokens.count })
        #expect(answers.map(\.logProbabilities) == again)
    }

    @Test func aSlotIsFreeOnceItsAnswerHasEnded() throws {
        let model = try FamilyFixtures.model("llama-grouped")
        let decoder = try #require(try model.decoders.decoder(model))
        let batch = try ContinuousBatch(decoder, slots: 3, capacity: 16)
        try batch.admit([4, 5], answers: [0, 1])
        #expect(batch.freeSlots == 1 && !batch.isEmpty)
        #expect(try batch.step().answers == [0, 1])
        batch.goOn([0: 6, 1: 7], ended: [1])
        try batch.admit([8, 9, 10], answers: [2, 3])
        #expect(batch.freeSlots == 0)
        #expect(try batch.step().answers == [0, 2, 3])
        batch.goOn([:], ended: [0, 2, 3])
        #expect(batch.freeSlots == 3 && batch.isEmpty)
    }

    /// Weights that exist once, in the packed form.
    @Test(arguments: FamilyFixtures.names)
    func aModelForInferenceGivesTheSame(_ name: String) throws {
        let options = SamplingOptions(temperature: 0.9, maxNewTokens: 12, endTokens: [7])
        let requests = requests(7, longest: 9)
        let expected = try FamilyFixtures.model(name).generate(requests, options, seed: 3, step: 1)
        let model = try InferenceModel(directory: FamilyFixtures.path(name))
        #expect(try model.generate(requests, options, seed: 3, step: 1) == expected)
    }

    /// Weights of many pages: what is given back is really gone, and nothing that is still needed is.
    @Test(arguments: [
        #""llama", "tie_word_embeddings": true"#, #""llama", "tie_word_embeddings": false"#,
        #""phi3", "pad_token_id": 0, "original_max_position_embeddings": 64"#, #""gpt_neox", "hidden_act": "gelu""#,
        #""gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64"#,
    ])
    func consumedWeightsAreGone(_ type: String) throws {
        let configuration = try ModelConfiguration(
            data: Data(
                """
                {"model_type": \(type), "vocab_size": 9001, "hidden_size": 64, "intermediate_size": 160,
                "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
                """.utf8))
        let model = try CausalLM(configuration: configuration, seed: 5)
        let options = SamplingOptions(temperature: 0.9, maxNewTokens: 12)
        let expected = try model.generate(requests(5, longest: 9), options, seed: 3, step: 1)
        let folder = FileManager.default.temporaryDirectory.appending(path: "consumed-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try model.export(to: folder)
        let inference = try InferenceModel(directory: folder)
        #expect(try inference.generate(requests(5, longest: 9), options, seed: 3, step: 1) == expected)

        let head = try model.head.floats()
        _ = try model.trunk.family.decoder(DecoderOptions(head: model.head, threads: 1, consuming: true))
        var gone = 0
        for parameter in model.parameters where parameter.tensor.count * 4 >= 1 << 14 {
            let looked =
                ["embed", "wte", "wpe"].contains { parameter.name.contains($0) } && parameter.tensor !== model.head
            let middle = try parameter.tensor.floats()[parameter.tensor.count / 2]
            #expect((middle == 0) == !looked, "\(parameter.name)")
            gone += middle == 0 ? 1 : 0
        }
        #expect(gone >= 9 && head[head.count / 2] != 0)
    }

    @Test(arguments: AdapterFixtures.names)
    func andWithAnAdapter(_ name: String) throws {
        let options = SamplingOptions(temperature: 0.9, maxNewTokens: 12)
        let expected = try AdapterFixtures.model(name).generate(requests(4, longest: 9), options, seed: 3, step: 1)
        let model = try InferenceModel(
            directory: FamilyFixtures.path(AdapterFixtures.base(name)), adapter: AdapterFixtures.path(name))
        #expect(try model.generate(requests(4, longest: 9), options, seed: 3, step: 1) == expected)
    }
}
