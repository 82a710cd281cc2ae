import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Every adapter that does not fit is refused by the name of what is wrong.
@Suite struct BadAdapterTests {
    private static let name = "llama-grouped"

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    private func loading(_ files: [String: Data], into model: String = name) -> String {
        message { _ = try LowRankAdapter(files: files, for: FamilyFixtures.model(model).configuration) }
    }

    @Test(arguments: [
        ("peft_type", #""IA3""#), ("bias", #""all""#), ("use_dora", "true"), ("modules_to_save", #"["lm_head"]"#),
        ("rank_pattern", #"{".*.*.*.*.*.*zzz": 4}"#), ("rank_pattern", #"{"q_proj": 2}"#),
        ("rank_pattern", #"{"(q_proj": 4}"#), ("rank_pattern", #"{"q_proj": 0}"#),
        ("alpha_pattern", #"{"(a|a)*b": 4}"#),
        ("alpha_pattern", #"{"q_proj": 2, ".*0.*q_proj": 3}"#), ("alpha_pattern", #"{"q_proj": 1e300}"#),
        ("init_lora_weights", #""pissa""#), ("r", "0"), ("r", "5"), ("use_qalora", "true"),
        ("trainable_token_indices", "[1]"),
        ("layer_replication", "[[0, 1]]"), ("target_parameters", #"["x"]"#), ("r", #""four""#),
        ("lora_alpha", "1e300"), ("target_modules", "7"), ("something_new", "1"), ("lora_bias", "true"),
    ])
    func entriesThatAreNotImplementedAreNamed(_ key: String, _ value: String) throws {
        var files = try AdapterFixtures.files(Self.name)
        let data = try #require(files[AdapterFiles.configurationFile])
        var values = try JSONDecoder().decode([String: JSON].self, from: data)
        values[key] = try JSONDecoder().decode([JSON].self, from: Data("[\(value)]".utf8))[0]
        files[AdapterFiles.configurationFile] = try JSONEncoder().encode(values)
        #expect(loading(files).contains("'\(key)'"), "\(loading(files))")
    }

    @Test func tensorsThatDoNotFitAreNamed() throws {
        let files = try AdapterFixtures.files(Self.name)
        let weights = try #require(files[AdapterFiles.weightsFile])
        let all = try Safetensors(data: weights, name: "x").tensors()
        let module = "base_model.model.model.layers.0.self_attn.q_proj"
        func spoilt(_ change: (inout [String: Tensor]) throws -> Void) throws -> String {
            var (files, tensors) = (files, all)
            try change(&tensors)
            files[AdapterFiles.weightsFile] = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
            return loading(files)
        }
        #expect(try spoilt { $0["\(module).lora_B.weight"] = nil }.contains("\(module).lora_B.weight"))
        #expect(try spoilt { $0["\(module).lora_A.weight"] = nil }.contains("\(module).lora_B.weight"))
        #expect(try spoilt { $0["\(module).lora_A.weight"] = try Tensor.zeros([4, 7]) }.contains("lora_A.weight"))
        #expect(
            try spoilt { $0["\(module).lora_A.weight"] = try Tensor.full([4, 32], .nan) }.contains("lora_A.weight"))
        #expect(
            try spoilt { $0["base_model.model.nowhere.lora_A.weight"] = try Tensor.zeros([1]) }.contains("nowhere"))
        #expect(try spoilt { $0 = [:] }.contains("no lora_A"))
        #expect(loading(files, into: "gpt2-plain").contains(module))
        #expect(loading([:]).contains("adapter_config.json"))
        var cut = files
        cut[AdapterFiles.weightsFile] = weights.prefix(100)
        #expect(loading(cut).contains("adapter_model.safetensors"))
    }

    @Test func unknownTargetsAreNamed() throws {
        let configuration = try FamilyFixtures.model("gpt2-plain").configuration
        func fresh(_ targets: [String]) -> String {
            message { _ = try LowRankAdapter(LoRAConfiguration(targets: targets), for: configuration, seed: 1) }
        }
        #expect(fresh(["c_attn"]) == "no error")
        #expect(fresh(["mlp.c_proj"]) == "no error")
        let text = fresh(["c_attn", "q_proj", "proj"])
        #expect(text.contains("'q_proj', 'proj'") && !text.contains("'c_attn'") && text.contains("c_fc"))
        #expect(fresh([]).contains("no linear map"))
        #expect(fresh(["all-linear", "c_attn"]).contains("'all-linear'"))
        #expect(fresh(["wte"]).contains("'wte'"))
    }
}
