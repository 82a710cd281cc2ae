import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Reward models of transformers, and ours as it reads them.
@Suite struct RewardModelTests {
    private func near(_ a: [Float], _ b: [Float], _ tolerance: Float) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
    }

    @Test(arguments: RewardFixtures.names)
    func scoresAreTheLogitsOfTransformers(_ name: String) throws {
        let model = try RewardModel(directory: RewardFixtures.path(name))
        let expected = try RewardFixtures.expected(name)
        #expect(try near(model.score(expected.rows, tokenBudget: 1), expected.alone, 1e-4))
        #expect(try near(model.score(expected.rows), expected.alone, 1e-4))
        if let together = expected.together {
            #expect(try near(model.rawScores(expected.rows), together, 1e-4))
        }
        #expect(try near(RewardModel(files: RewardFixtures.files(name)).score(expected.rows), expected.alone, 1e-4))
    }

    /// The critic starts from it, and what is exported is what was read.
    @Test(arguments: RewardFixtures.names)
    func aCriticStartsFromIt(_ name: String) throws {
        let model = try RewardModel(directory: RewardFixtures.path(name))
        (model.mean, model.deviation) = (0.25, 2)
        let rows: [[Int32]] = [[5, 6, 7, 8], [9, 10, 11]]
        let critic = try ValueModel(from: model)
        let last = try noGrad { try critic.valuesAndLast(TokenBatch(rows)).last.floats() }
        #expect(try near(last, model.score(rows), 1e-5))
        let again = try RewardModel(files: model.files())
        #expect(try again.score(rows) == model.score(rows))
        #expect(again.paddingToken == model.paddingToken && (again.mean, again.deviation) == (0.25, 2))
    }

    /// What transformers needs to load our reward model with its head.
    @Test(arguments: FamilyFixtures.some)
    func oursHasTheLayoutOfTransformers(_ name: String) throws {
        let model = try RewardModel(from: FamilyFixtures.model(name), seed: 3)
        model.paddingToken = 3
        let files = try model.files()
        let json = try JSONDecoder().decode([String: JSON].self, from: #require(files["config.json"]))
        let architecture = [
            "gpt2": "GPT2", "gpt_neox": "GPTNeoX", "llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2",
            "qwen3": "Qwen3", "gemma3_text": "Gemma3Text", "phi3": "Phi3",
        ][model.configuration.modelType]
        #expect(json["architectures"] == .array([.string("\(architecture ?? "?")ForSequenceClassification")]))
        #expect(json["id2label"] == .object(["0": .string("LABEL_0")]) && json["num_labels"] == .integer(1))
        #expect(json["pad_token_id"] == .integer(3))
        let weights = try Safetensors(data: #require(files["model.safetensors"]), name: "model.safetensors")
        #expect(weights.shape(of: "score.weight") == [1, model.configuration.hiddenSize])
        #expect(Set(weights.names) == Set(model.trunk.parameters.map(\.name) + ["score.weight"]))
        #expect(files["reward_head.safetensors"] == nil)
        let rows: [[Int32]] = [[4, 5, 6], [7, 8]]
        #expect(try RewardModel(files: files).score(rows) == model.score(rows))
    }

    @Test func aRewardIsReadBeforeThePadding() throws {
        let model = try RewardModel(from: Fixtures.model("grouped"), seed: 4)
        let plain = try model.score([[5, 6], [5, 6, 3, 3], [3, 3], [3]])
        model.paddingToken = 3
        let read = try model.score([[5, 6], [5, 6, 3, 3], [3, 3], [3]])
        #expect(read[0] == plain[0] && abs(read[1] - plain[0]) < 1e-6 && read[1] != plain[1])
        // In a row of nothing but padding transformers reads the first token.
        #expect(abs(read[2] - plain[3]) < 1e-6 && read[3] == plain[3])
    }

    /// Directories of earlier versions: a trunk, and a head with a bias in a file of its own.
    @Test func theFormerLayoutIsRead() throws {
        let model = try RewardModel(from: Fixtures.model("grouped"), seed: 4)
        (model.mean, model.deviation) = (0.5, 2)
        let bias = try Tensor.of([Float(0.75)], shape: [1])
        var files = try model.files()
        files["config.json"] = try model.configuration.data()
        files["model.safetensors"] = try Safetensors.data(model.trunk.parameters)
        files["reward_head.safetensors"] = try Safetensors.data(
            model.head.parameters + [NamedTensor("score.bias", bias)])
        let rows: [[Int32]] = [[4, 5, 6], [7, 8]]
        let expected = try model.rawScores(rows).map { ($0 + 0.75 - 0.5) / 2 }
        #expect(try near(RewardModel(files: files).score(rows), expected, 1e-6))
    }

    // MARK: What is no reward model

    private func refusal(_ files: [String: Data]) -> String {
        do {
            _ = try RewardModel(files: files)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    private func changed(_ change: (inout [String: JSON]) -> Void) throws -> String {
        var files = try RewardFixtures.files("llama-padded")
        var json = try JSONDecoder().decode([String: JSON].self, from: #require(files["config.json"]))
        change(&json)
        files["config.json"] = try JSONEncoder().encode(JSON.object(json))
        return refusal(files)
    }

    @Test func classifiersAreRefusedByKey() throws {
        let two = try changed { $0["id2label"] = .object(["0": .string("bad"), "1": .string("good")]) }
        #expect(two.contains("id2label") && two.contains("2 labels") && two.contains("num_labels=1"))
        #expect(try changed { $0["num_labels"] = .integer(3) }.contains("'num_labels' is 3"))
        let type = try changed { $0["problem_type"] = .string("single_label_classification") }
        #expect(type.contains("problem_type") && type.contains("regression"))
        #expect(try changed { $0["problem_type"] = .string("regression") } == "accepted")
        #expect(try changed { $0["id2label"] = nil } == "accepted")
    }

    private func replaced(_ change: (inout [NamedTensor]) throws -> Void) throws -> String {
        var files = try RewardFixtures.files("llama-padded")
        let stored = try Safetensors(data: #require(files["model.safetensors"]), name: "model.safetensors")
        var tensors = try stored.names.map { NamedTensor($0, try stored.tensor($0)) }
        try change(&tensors)
        files["model.safetensors"] = try Safetensors.data(tensors)
        return refusal(files)
    }

    @Test func aWrongHeadIsRefusedByName() throws {
        let none = try replaced { $0.removeAll { $0.name == "score.weight" } }
        #expect(none.contains("no tensor 'score.weight'") && none.contains("num_labels=1"))
        let rows = try replaced {
            $0.removeAll { $0.name == "score.weight" }
            $0.append(NamedTensor("score.weight", try Tensor.zeros([3, 16])))
        }
        #expect(rows.contains("score.weight") && rows.contains("3 rows") && rows.contains("num_labels=1"))
        #expect(
            try replaced { $0.append(NamedTensor("score.bias", try Tensor.zeros([1]))) }.contains(
                "unexpected tensor 'score.bias'"))
        #expect(refusal(try Fixtures.model("grouped").files()).contains("LlamaForCausalLM is no reward model"))
    }
}
