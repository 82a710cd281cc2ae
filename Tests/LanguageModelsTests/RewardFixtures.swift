import Foundation
import Testing

/// What `scripts/fixtures/make_reward_fixtures.py` made with transformers: a reward model of each architecture.
enum RewardFixtures {
    static let names = [
        "gemma3_text-padded", "gpt2-padding-is-end", "gpt_neox-no-padding", "llama-padded", "mistral-no-padding",
        "phi3-padding-amid", "qwen2-padding-is-end", "qwen3-sharded",
    ]

    /// Texts as token ids, and the logits of transformers.
    struct Expected: Decodable {
        let rows: [[Int32]]
        let alone: [Float]
        /// In one padded batch; nil for a model without a padding token, of which transformers takes no batches.
        let together: [Float]?
    }

    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appending(path: "RewardFixtures/\(name)").path
    }

    static func expected(_ name: String) throws -> Expected {
        let file = URL(filePath: try path(name)).appending(path: "expected.json")
        return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file))
    }

    /// All files of a fixture in memory.
    static func files(_ name: String) throws -> [String: Data] {
        let folder = try path(name)
        return try FileManager.default.contentsOfDirectory(atPath: folder).reduce(into: [:]) {
            $0[$1] = try Data(contentsOf: URL(filePath: "\(folder)/\($1)"))
        }
    }
}
