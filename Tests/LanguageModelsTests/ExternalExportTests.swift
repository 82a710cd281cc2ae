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

    private func export(_ model: CausalLM, _ name: String) throws {
        let folder = try #require(Self.folder)
        try model.export(to: "\(folder)/\(name)")
        #expect(try CausalLM(directory: "\(folder)/\(name)").parameters.count == model.parameters.count)
    }
}
