import Foundation
import Testing
import Torch

@testable import LanguageModels

/// What `scripts/fixtures/make_model_fixtures.py` made with transformers.
enum Fixtures {
    struct Case: Decodable {
        let sequence: [Int32]
        let prompts: [[Int32]]
        let greedy: [[Int32]]
    }

    struct Gradients: Decodable {
        struct Row: Decodable {
            let prompt: [Int32]
            let completion: [Int32]
        }

        let rows: [Row]
        let loss: Double
    }

    static let names = ["grouped", "tied", "sharded", "biased", "linear"]

    static func path(_ name: String) throws -> String {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures")
        return folder.appending(path: name).path
    }

    private struct Expected: Decodable {
        let grouped, tied, sharded, biased, linear: Case
        let gradients: Gradients
    }

    private static func expected() throws -> Expected {
        try JSONDecoder().decode(Expected.self, from: Data(contentsOf: URL(filePath: path("expected.json"))))
    }

    static func expected(_ name: String) throws -> Case {
        let all = try expected()
        let cases = [
            "grouped": all.grouped, "tied": all.tied, "sharded": all.sharded, "biased": all.biased,
            "linear": all.linear,
        ]
        return try #require(cases[name])
    }

    static func gradients() throws -> Gradients { try expected().gradients }

    static func model(_ name: String) throws -> CausalLM { try CausalLM(directory: path(name)) }

    /// A folder of its own that is removed afterwards.
    static func temporary<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    /// The files of a model in memory, to be spoilt.
    static func files(_ name: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: path(name)) {
            files[file] = try Data(contentsOf: URL(filePath: path("\(name)/\(file)")))
        }
        return files
    }
}

func largestDifference(_ a: Tensor, _ b: Tensor) throws -> Double {
    try noGrad { try (a.to(dtype: .float64) - b.to(dtype: .float64)).abs().max().item() }
}
