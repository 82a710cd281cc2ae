import Foundation
import Testing
import Torch

@testable import LanguageModels

/// With `SKEIN_EXPORT_TO` set, leaves an export of each fixture there for `scripts/fixtures/check_export.py`.
@Suite struct ExternalExportTests {
    private static let folder = ProcessInfo.processInfo.environment["SKEIN_EXPORT_TO"]

    @Test(.enabled(if: folder != nil), arguments: Fixtures.names)
    func exportForTransformers(_ name: String) throws {
        try export(Fixtures.model(name), name)
    }

    @Test(.enabled(if: folder != nil), arguments: FamilyFixtures.names)
    func exportFamiliesForTransformers(_ name: String) throws {
        try export(FamilyFixtures.model(name), name)
    }

    @Test(.enabled(if: folder != nil), arguments: RandomModelTests.names)
    func exportRandomModelsForTransformers(_ name: String) throws {
        try export(CausalLM(directory: RandomModelTests.path(name)), "random/\(name)")
    }

    /// For `scripts/fixtures/check_adapter.py`: fresh adapters that were given something to say.
    @Test(.enabled(if: folder != nil), arguments: FamilyFixtures.some.filter { !$0.hasPrefix("gemma3-") })
    func exportAdaptersForPEFT(_ name: String) throws {
        let folder = try #require(Self.folder)
        let base = try FamilyFixtures.model(name)
        let adapter = try LowRankAdapter(
            LoRAConfiguration(rank: 3, alpha: 5), for: base.configuration, base: name, seed: 1)
        for parameter in adapter.parameters where parameter.name.contains("lora_B") {
            let values = Initialization.normal(
                parameter.tensor.count, deviation: 0.2, key: RandomKey(seed: 2, step: 0, row: 0, sample: 0))
            try parameter.tensor.copy(from: Tensor.of(values, shape: parameter.tensor.shape))
        }
        try adapter.export(to: "\(folder)/adapters/\(name)/adapter")
        try CausalLM(sharing: base, adapter: adapter).export(to: "\(folder)/adapters/\(name)/merged")
        #expect(AdapterFiles.isAdapter("\(folder)/adapters/\(name)/adapter"))
    }

    /// For `scripts/fixtures/check_rewards.py`: reward models with heads that were given something to say.
    @Test(.enabled(if: folder != nil), arguments: FamilyFixtures.some)
    func exportRewardModelsForTransformers(_ name: String) throws {
        let model = try RewardModel(from: FamilyFixtures.model(name), seed: 5)
        model.paddingToken = 3
        let folder = "\(try #require(Self.folder))/rewards/\(name)"
        try model.export(to: folder)
        struct Ours: Encodable { var rows: [[Int32]]; var scores: [Float] }
        let rows: [[Int32]] = [[5], [7, 8, 9, 10, 11, 12, 13, 14, 15], [6, 3, 3, 9], [20, 21, 3, 3]]
        try JSONEncoder().encode(Ours(rows: rows, scores: model.rawScores(rows))).write(
            to: URL(filePath: "\(folder)/ours.json"))
        #expect(try RewardModel(directory: folder).rawScores(rows) == model.rawScores(rows))
    }

    private func export(_ model: CausalLM, _ name: String) throws {
        let folder = try #require(Self.folder)
        try model.export(to: "\(folder)/\(name)")
        #expect(try CausalLM(directory: "\(folder)/\(name)").parameters.count == model.parameters.count)
    }
}
