import Foundation
import Testing
import Torch

@testable import LanguageModels

/// With `SKEIN_EXPORT_TO` set, leaves an export of each fixture there for `scripts/fixtures/check_export.py`.
@Suite struct ExternalExportTests {
    private static let folder = ProcessInfo.processInfo.environment["SKEIN_EXPORT_TO"]

    @Test(.enabled(if: folder != nil), arguments: Fixtures.names)
    func exportForTransformers(_ name: String) throws {
        let folder = try #require(Self.folder)
        try Fixtures.model(name).export(to: "\(folder)/\(name)")
        #expect(try CausalLM(directory: "\(folder)/\(name)").parameters.count == Fixtures.model(name).parameters.count)
    }
}
