import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Against transformers.
@Suite struct ReferenceTests {
    @Test(arguments: Fixtures.names)
    func logitsAreThoseOfTransformers(_ name: String) throws {
        let model = try Fixtures.model(name)
        let expected = try Safetensors(path: Fixtures.path("logits.safetensors")).tensor(name)
        let sequence = try Fixtures.expected(name).sequence
        let logits = try noGrad { try model.logits(tokens: [sequence]).squeeze(0) }
        #expect(try largestDifference(logits, expected) < 2e-4)
    }

    @Test(arguments: Fixtures.names)
    func greedyAnswersAreThoseOfTransformers(_ name: String) throws {
        let model = try Fixtures.model(name)
        let expected = try Fixtures.expected(name)
        let requests = expected.prompts.enumerated().map { GenerationRequest(tokens: $1, row: $0) }
        let options = SamplingOptions(temperature: 0, maxNewTokens: 32)
        // All prompts at once, of different lengths, and one by one.
        let together = try model.generate(requests, options, seed: 1, step: 0)
        #expect(together.map(\.tokens) == expected.greedy)
        for (index, request) in requests.enumerated() {
            let alone = try model.generate([request], options, seed: 1, step: 0)
            #expect(alone.map(\.tokens) == [expected.greedy[index]])
        }
    }

    @Test func gradientsOfOneStepAreThoseOfPyTorch() throws {
        let expected = try Fixtures.gradients()
        let reference = try Safetensors(path: Fixtures.path("gradients.safetensors"))
        let model = try Fixtures.model("grouped")
        try model.setTrainable(true)
        let count = Double(expected.rows.reduce(0) { $0 + $1.completion.count })
        // Two micro-batches whose gradients add up to those of the whole.
        var loss = 0.0
        for rows in [expected.rows[0..<2], expected.rows[2..<3]] {
            let batch = try TokenBatch(prompts: rows.map(\.prompt), responses: rows.map(\.completion))
            let part = try model.tokenLogProbabilities(batch).values.sum() / -count
            try part.backward()
            loss += try part.detach().item()
        }
        #expect(abs(loss - expected.loss) < 1e-5)
        for parameter in model.parameters {
            let gradient = try #require(try parameter.tensor.gradient())
            let wanted = try reference.tensor(parameter.name)
            let scale = try wanted.abs().max().item()
            #expect(try largestDifference(gradient, wanted) <= 1e-4 * scale, "\(parameter.name)")
        }
    }

    @Test(arguments: Fixtures.names)
    func anExportLoadsAsTheSameModel(_ name: String) throws {
        let model = try Fixtures.model(name)
        model.companions = ["tokenizer.json": Data("{}".utf8)]
        let sequence = try Fixtures.expected(name).sequence
        let logits = try noGrad { try model.logits(tokens: [sequence]) }
        try Fixtures.temporary { folder in
            try model.export(to: "\(folder)/model")
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/model").sorted()
            #expect(files == ["config.json", "model.safetensors", "tokenizer.json"])
            let again = try CausalLM(directory: "\(folder)/model")
            #expect(again.companions["tokenizer.json"] == Data("{}".utf8))
            #expect(try noGrad { try largestDifference(again.logits(tokens: [sequence]), logits) } == 0)
            let file = try Safetensors(path: "\(folder)/model/model.safetensors")
            #expect(file.metadata["format"] == "pt")
            #expect(file.names.allSatisfy { file.dtype(of: $0) == .float32 })
            #expect(file.contains(model.headName) != model.configuration.tiedHead)
            // The same weights give the same bytes, in memory as on disk.
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/model/model.safetensors")) == again.safetensorsData())
            #expect(try CausalLM(files: model.files()).configuration == again.configuration)
        }
    }
}
