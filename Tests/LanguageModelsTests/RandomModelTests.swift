import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Models whose options were drawn at random, as transformers 4.53 and 5.23 save them, against what these compute.
///
/// `scripts/fixtures/make_random_fixtures.py` made them; `SKEIN_RANDOM_MODELS` names a folder with others of its making.
@Suite struct RandomModelTests {
    static let folder =
        ProcessInfo.processInfo.environment["SKEIN_RANDOM_MODELS"]
        ?? Bundle.module.resourceURL?.appending(path: "RandomFixtures").path ?? ""

    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()

    static func path(_ name: String) -> String { "\(folder)/\(name)" }

    @Test func thereAreTwoOfEachFamilyAndVersion() {
        for family in Families.all.flatMap({ $0.modelTypes }) where family != "gemma3" {
            for version in [4, 5] {
                #expect(Self.names.filter { $0.hasPrefix("\(family)-\(version)-") }.count >= 2, "\(family) \(version)")
            }
        }
    }

    @Test(arguments: names)
    func logitsAndGreedyAnswersAreThoseOfTransformers(_ name: String) throws {
        let model = try CausalLM(directory: Self.path(name))
        let reference = try Safetensors(path: "\(Self.path(name))/reference.safetensors")
        let tokens: [Int32] = try reference.tensor("tokens").values()
        let logits = try noGrad { try model.logits(tokens: [tokens]).squeeze(0) }
        #expect(try largestDifference(logits, reference.tensor("logits")) < 2e-4)
        let request = GenerationRequest(tokens: try reference.tensor("prompt").values(), row: 0)
        let greedy: [Int32] = try reference.tensor("greedy").values()
        let options = SamplingOptions(temperature: 0, maxNewTokens: 64)
        #expect(try model.generate([request], options, seed: 1, step: 0).map(\.tokens) == [greedy])
    }

    /// What transformers makes of an export is `scripts/fixtures/check_export.py`'s to say.
    @Test(arguments: names)
    func anExportIsReadAsTheSameModel(_ name: String) throws {
        let model = try CausalLM(directory: Self.path(name))
        let again = try CausalLM(files: model.files())
        #expect(again.configuration.rotary == model.configuration.rotary)
        #expect(again.configuration.localRotary == model.configuration.localRotary)
        #expect(again.configuration.contextLength == model.configuration.contextLength)
        #expect(again.configuration.windows == model.configuration.windows)
        let tokens: [Int32] = try Safetensors(path: "\(Self.path(name))/reference.safetensors").tensor("tokens")
            .values()
        #expect(
            try noGrad { try largestDifference(again.logits(tokens: [tokens]), model.logits(tokens: [tokens])) } == 0)
    }
}
