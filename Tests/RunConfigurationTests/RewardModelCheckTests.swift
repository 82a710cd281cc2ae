import ClusterModel
import Foundation
import Testing

@testable import RunConfiguration

/// Reward models are judged before a run starts: by config.json and the names of their tensors.
@Suite struct RewardModelCheckTests {
    private static let good = #"{"architectures":["LlamaForSequenceClassification"],"id2label":{"0":"LABEL_0"}}"#
    private static let head = ["model.embed_tokens.weight": [4, 2], "score.weight": [1, 2]]

    /// What is said of a run whose reward model has these files.
    private func problems(
        _ configuration: String = good, _ tensors: [String: [Int]] = head, _ more: [String: String] = [:],
        weights: Data? = nil, _ overrides: String...
    ) throws -> [String] {
        let place = try Workplace()
        try place.writeRewardModel("rm", configuration, tensors)
        if let weights { try weights.write(to: place.root.appending(path: "rm/model.safetensors")) }
        for (name, text) in more {
            try Data(text.utf8).write(to: place.root.appending(path: "rm/\(name)"))
        }
        do {
            try RunConfiguration.parse(
                place.yaml,
                overrides: ["stages=[ppo]", "models.reward=\(place.root.path)/rm"]
                    + overrides.map { $0.replacing("ROOT", with: place.root.path) }
            ).check()
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { "\($0)" }
        }
    }

    @Test func whatTransformersSavesPasses() throws {
        #expect(try problems() == [])
        #expect(try problems(#"{"problem_type":"regression"}"#) == [])
        let gpt = ["transformer.wte.weight": [4, 2], "score.weight": [1, 2]]
        #expect(try problems(Self.good, gpt) == [])
        let index = #"{"weight_map":{"score.weight":"a.safetensors","gpt_neox.x":"a.safetensors"}}"#
        #expect(try problems(Self.good, [:], ["model.safetensors.index.json": index]) == [])
        // Earlier versions of Skein.
        #expect(
            try problems(
                #"{"id2label":{"0":"a","1":"b"}}"#, ["model.x": [1]], ["reward_head.safetensors": "there"]) == [])
    }

    @Test func whatIsNoRewardModelIsRefusedByKey() throws {
        func one(_ problems: [String], _ parts: String...) {
            #expect(problems.count == 1)
            for part in ["models.reward"] + parts {
                #expect(problems.first?.contains(part) == true, "\(part): \(problems)")
            }
        }
        one(try problems(#"{"id2label":{"0":"a","1":"b"}}"#), "'id2label' names 2 labels", "num_labels=1")
        one(try problems(#"{"num_labels":3}"#), "'num_labels' is 3")
        one(try problems(#"{"problem_type":"single_label_classification"}"#), "problem_type", "regression")
        one(
            try problems(#"{"architectures":["LlamaForCausalLM"]}"#, ["model.x": [1], "lm_head.weight": [4, 2]]),
            "no tensor 'score.weight'", "LlamaForCausalLM is no reward model", "num_labels=1")
        one(try problems("{}", ["model.x": [1], "v_head.summary.weight": [1, 2]]), "it has 'v_head.summary.weight'")
        one(try problems("{}", ["score.weight": [5, 2]]), "5 rows, one for each label")
        one(try problems("{}", ["score.weight": [1, 2], "score.bias": [1]]), "unexpected tensor 'score.bias'")
        one(try problems("nonsense"), "not a JSON object")
    }

    @Test func filesThatAreBrokenAreNamed() throws {
        for bytes in [[], [1, 2, 3], [255, 255, 255, 255, 255, 255, 255, 255], [9, 0, 0, 0, 0, 0, 0, 0, 0x7B]]
            as [[UInt8]]
        {
            let found = try problems(weights: Data(bytes))
            #expect(found.first?.contains("model.safetensors is no safetensors file") == true, "\(bytes): \(found)")
        }
    }

    /// Several rewards of kind model, each with its own directory.
    @Test func eachRewardHasItsModel() throws {
        let two = "rewards=[{kind: model, name: helpful}, {kind: model, name: harmless, path: ROOT/model}]"
        #expect(try problems(Self.good, Self.head, [:], weights: nil, two).first?.contains("rewards.1.path") == true)
        let place = try Workplace()
        try place.writeRewardModel("a", Self.good, Self.head)
        try place.writeRewardModel("b", Self.good, Self.head)
        let run = try RunConfiguration.parse(
            place.yaml,
            overrides: [
                "stages=[ppo]",
                "rewards=[{kind: length, target: 3}, {kind: model, name: x, path: \(place.root.path)/a}, "
                    + "{kind: model, name: y, path: \(place.root.path)/b}, {kind: model, name: z}]",
            ])
        try run.check()
        let root = URL(filePath: place.root.path).standardizedFileURL.path
        #expect(run.rewards.map { $0.model?.path } == [nil, "\(root)/a", "\(root)/b", "\(root)/a"])
        #expect(run.models.reward == "\(root)/a")
        #expect(try RunConfiguration(run.setups().learner).rewards == run.rewards)
        let none = place.problems("stages=[ppo]", "rewards=[{kind: model}]", "ppo.critic_from=policy")
        #expect(none.contains { $0.contains("models.reward") && $0.contains("needs a reward model") })
    }
}

extension Workplace {
    /// config.json, and a file of zeros with these tensors; none of them, no file.
    func writeRewardModel(_ name: String, _ configuration: String, _ tensors: [String: [Int]]) throws {
        let folder = root.appending(path: name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(configuration.utf8).write(to: folder.appending(path: "config.json"))
        guard !tensors.isEmpty else { return }
        var entries: [String: Any] = [:]
        var end = 0
        for (tensor, shape) in tensors.sorted(by: { $0.key < $1.key }) {
            let start = end
            end += 4 * shape.reduce(1, *)
            entries[tensor] = ["dtype": "F32", "shape": shape, "data_offsets": [start, end]] as [String: Any]
        }
        let header = try JSONSerialization.data(withJSONObject: entries)
        var data = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
        data += header + Data(count: end)
        try data.write(to: folder.appending(path: "model.safetensors"))
    }
}
