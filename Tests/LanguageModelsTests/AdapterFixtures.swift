import Foundation
import Testing
import Torch

@testable import LanguageModels

/// What `scripts/fixtures/make_adapter_fixtures.py` made with PEFT: adapters over models of ``FamilyFixtures``.
enum AdapterFixtures {
    static let names: [String] = {
        guard let folder = Bundle.module.resourceURL?.appending(path: "AdapterFixtures").path,
            let found = try? FileManager.default.contentsOfDirectory(atPath: folder)
        else { return [] }
        return found.sorted()
    }()

    /// What stands before a plus sign: the name of the base.
    static func base(_ name: String) -> String { String(name.prefix { $0 != "+" }) }

    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appending(path: "AdapterFixtures/\(name)").path
    }

    /// The base with PEFT's adapter over it.
    static func model(_ name: String) throws -> CausalLM {
        let base = try FamilyFixtures.model(base(name))
        return try CausalLM(
            sharing: base, adapter: LowRankAdapter(directory: path(name), for: base.configuration))
    }

    static func reference(_ name: String) throws -> Safetensors {
        try Safetensors(path: path(name) + "/reference.safetensors")
    }

    /// The files of an adapter in memory, to be spoilt.
    static func files(_ name: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for file in [AdapterFiles.configurationFile, AdapterFiles.weightsFile] {
            files[file] = try Data(contentsOf: URL(filePath: path(name) + "/\(file)"))
        }
        return files
    }
}
