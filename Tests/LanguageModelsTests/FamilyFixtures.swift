import Foundation
import Testing
import Torch

@testable import LanguageModels

/// What `scripts/fixtures/make_family_fixtures.py` made with transformers: a folder for each family and set of options.
enum FamilyFixtures {
    static let names: [String] = {
        guard let folder = Bundle.module.resourceURL?.appending(path: "FamilyFixtures").path,
            let found = try? FileManager.default.contentsOfDirectory(atPath: folder)
        else { return [] }
        return found.sorted()
    }()

    /// One of each family, with the options that differ most from Llama's, for what takes long.
    static let some = [
        "gpt2-published-names", "gpt_neox-pythia", "llama-yarn", "mistral-window-5", "qwen2-upper-window",
        "qwen3-biased",
        "gemma3_text-pattern", "gemma3-sees", "phi3-window-partial",
    ]

    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appending(path: "FamilyFixtures/\(name)").path
    }

    static func model(_ name: String) throws -> CausalLM { try CausalLM(directory: path(name)) }

    static func reference(_ name: String) throws -> Reference { try Reference(path(name)) }

    /// What transformers gives for the model beside it.
    struct Reference {
        let tokens: [Int32]
        /// [T, V]
        let logits: Tensor
        let prompts: [[Int32]]
        let greedy: [[Int32]]
        let loss: Double
        /// For each parameter, in the order of names: four projections of its gradient, and its norm.
        let gradients: [[Double]]
        /// The rows of the loss.
        var rows: [[Int32]] { [0..<9, 9..<24, 24..<40].map { Array(tokens[$0]) } }

        fileprivate init(_ folder: String) throws {
            let file = try Safetensors(path: "\(folder)/reference.safetensors")
            tokens = try file.tensor("tokens").values()
            logits = try file.tensor("logits")
            prompts = try (0..<3).map { try file.tensor("prompt.\($0)").values() }
            let answers = try file.tensor("greedy")
            greedy = try (0..<3).map { try answers.slice(0, $0..<$0 + 1).contiguous().values() }
            loss = try file.tensor("loss").item()
            let table = try file.tensor("gradients")
            gradients = try (0..<table.size(0)).map { try table.slice(0, $0..<$0 + 1).contiguous().values() }
        }
    }

    /// The entries of a row of ``Reference/gradients``.
    static func projections(_ gradient: Tensor) throws -> [Double] {
        let values: [Double] = try gradient.to(dtype: .float64).contiguous().values()
        var sums = [Double](repeating: 0, count: 5)
        for (i, value) in values.enumerated() {
            for j in 0..<4 { sums[j] += value * cos(0.37 * Double(i) + Double(j)) }
            sums[4] += value * value
        }
        sums[4] = sums[4].squareRoot()
        return sums
    }
}
