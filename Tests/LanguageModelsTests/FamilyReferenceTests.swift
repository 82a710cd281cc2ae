import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Every family and option against transformers.
@Suite struct FamilyReferenceTests {
    @Test func everyFamilyHasFixtures() throws {
        #expect(FamilyFixtures.names.count >= 50)
        for type in Families.all.flatMap({ $0.modelTypes }) {
            #expect(FamilyFixtures.names.contains { $0.hasPrefix("\(type)-") }, "\(type)")
        }
    }

    @Test(arguments: FamilyFixtures.names)
    func logitsAreThoseOfTransformers(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        let logits = try noGrad { try model.logits(tokens: [reference.tokens]).squeeze(0) }
        #expect(try largestDifference(logits, reference.logits) < 2e-4)
    }

    @Test(arguments: FamilyFixtures.names)
    func greedyAnswersAreThoseOfTransformers(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        let requests = reference.prompts.enumerated().map { GenerationRequest(tokens: $1, row: $0) }
        let options = SamplingOptions(temperature: 0, maxNewTokens: 64)
        // All prompts at once, of different lengths, and one by one.
        #expect(try model.generate(requests, options, seed: 1, step: 0).map(\.tokens) == reference.greedy)
        for (request, expected) in zip(requests, reference.greedy) {
            #expect(try model.generate([request], options, seed: 1, step: 0).map(\.tokens) == [expected])
        }
    }

    @Test(arguments: FamilyFixtures.names)
    func gradientsAreThoseOfPyTorch(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        try model.setTrainable(true)
        let parameters = model.parameters.sorted { $0.name < $1.name }
        #expect(parameters.count == reference.gradients.count)
        for padding in [TokenBatch.Padding.right, .left] {
            for parameter in parameters { try parameter.tensor.setGradient(nil) }
            let values = try model.tokenLogProbabilities(TokenBatch(reference.rows, padding: padding)).values
            let loss = try -values.mean()
            try loss.backward()
            #expect(abs(try loss.detach().item() - reference.loss) < 1e-5)
            for (parameter, expected) in zip(parameters, reference.gradients) {
                let gradient = try #require(try parameter.tensor.gradient(), "\(parameter.name)")
                let found = try FamilyFixtures.projections(gradient)
                // Some gradients are zero but for rounding: a query that looks at one key cannot change a softmax.
                let scale = max(expected[4], 2e-3)
                for (a, b) in zip(found, expected) {
                    #expect(abs(a - b) <= 1e-4 * scale, "\(parameter.name), padded on the \(padding): \(a), not \(b)")
                }
            }
        }
    }

    @Test(arguments: FamilyFixtures.names)
    func anExportLoadsAsTheSameModel(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        let logits = try noGrad { try model.logits(tokens: [reference.tokens]) }
        try Fixtures.temporary { folder in
            try model.export(to: folder)
            let again = try CausalLM(directory: folder)
            #expect(try noGrad { try largestDifference(again.logits(tokens: [reference.tokens]), logits) } == 0)
            let file = try Safetensors(path: "\(folder)/model.safetensors")
            #expect(file.contains(model.headName) != model.configuration.tiedHead)
            #expect(file.names.count == model.parameters.count)
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/model.safetensors")) == again.safetensorsData())
            #expect(try CausalLM(files: model.files()).configuration == again.configuration)
        }
    }
}
