import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Weight files as different programs save them.
@Suite struct WeightNameTests {
    private func files(_ fixture: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in ["config.json", "model.safetensors"] {
            files[name] = try Data(contentsOf: URL(filePath: "\(FamilyFixtures.path(fixture))/\(name)"))
        }
        return files
    }

    private func renamed(
        _ files: [String: Data], _ change: (inout [String: Tensor]) throws -> Void
    ) throws -> [String: Data] {
        var (files, tensors) = (
            files, try Safetensors(data: #require(files["model.safetensors"]), name: "x").tensors()
        )
        try change(&tensors)
        files["model.safetensors"] = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
        return files
    }

    private func message(_ files: [String: Data]) -> String {
        do {
            _ = try CausalLM(files: files)
            return "it was loaded"
        } catch { return "\(error)" }
    }

    /// What `AutoModel … save_pretrained` writes: no prefix, no head.
    @Test(arguments: [
        ("llama-tied-wide-heads", "model."), ("qwen2-tied", "model."), ("gemma3_text-layer-types", "model."),
        ("phi3-grouped-tied", "model."), ("gpt2-plain", "transformer."), ("gpt_neox-tied-serial", "gpt_neox."),
    ])
    func aTiedModelSavedWithoutItsHeadIsWhole(_ fixture: String, _ prefix: String) throws {
        let bare = try renamed(files(fixture)) { tensors in
            let pairs = tensors.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            }
            tensors = Dictionary(uniqueKeysWithValues: pairs)
        }
        let reference = try FamilyFixtures.reference(fixture)
        let logits = try noGrad { try CausalLM(files: bare).logits(tokens: [reference.tokens]).squeeze(0) }
        #expect(try largestDifference(logits, reference.logits) < 2e-4)
    }

    @Test(arguments: ["llama-grouped", "gpt2-untied-gelu", "gpt_neox-pythia"])
    func anUntiedModelWithoutItsHeadIsRefusedWithTheRemedy(_ fixture: String) throws {
        let name = try FamilyFixtures.model(fixture).headName
        let text = try message(renamed(files(fixture)) { $0[name] = nil })
        #expect(
            text.contains("'\(name)'") && text.contains("tie_word_embeddings") && text.contains("AutoModelForCausalLM"))
    }

    /// In memory transformers 5 calls GPT-NeoX's head as other families do.
    @Test func theHeadOfGPTNeoXHasTwoNames() throws {
        let other = try renamed(files("gpt_neox-pythia")) {
            $0["lm_head.weight"] = $0.removeValue(forKey: "embed_out.weight")
        }
        let reference = try FamilyFixtures.reference("gpt_neox-pythia")
        let logits = try noGrad { try CausalLM(files: other).logits(tokens: [reference.tokens]).squeeze(0) }
        #expect(try largestDifference(logits, reference.logits) < 2e-4)
    }

    @Test(arguments: [
        ("llama-grouped", ["model.rotary_emb.inv_freq", "model.layers.1.self_attn.rotary_emb.inv_freq"]),
        ("gpt2-plain", ["transformer.h.0.attn.bias", "h.1.attn.masked_bias"]),
        (
            "gpt_neox-pythia",
            [
                "gpt_neox.layers.0.attention.bias", "layers.1.attention.masked_bias",
                "gpt_neox.layers.0.attention.rotary_emb.inv_freq",
            ]
        ),
    ])
    func buffersOfOldFilesAreNoWeights(_ fixture: String, _ names: [String]) throws {
        let old = try renamed(files(fixture)) { for name in names { $0[name] = try Tensor.zeros([4]) } }
        #expect(message(old) == "it was loaded")
        let odd = try renamed(files(fixture)) { $0["model.layers.0.self_attn.sinks"] = try Tensor.zeros([4]) }
        #expect(message(odd).contains("self_attn.sinks"))
    }

    @Test(arguments: ["pytorch_model.bin", "pytorch_model.bin.index.json"])
    func pickledWeightsAreRefusedByName(_ name: String) throws {
        var files = try files("llama-grouped")
        files["model.safetensors"] = nil
        files[name] = Data()
        #expect(message(files).contains("(\(name)); save it as model.safetensors"))
    }

    @Test func adaptersThatChangeMoreThanTheTrunkSayWhatToDo() throws {
        var files = try AdapterFixtures.files("llama-grouped")
        let configuration = try FamilyFixtures.model("llama-grouped").configuration
        let weights = try #require(files[AdapterFiles.weightsFile])
        let all = try Safetensors(data: weights, name: "x").tensors()
        for name in [
            "lm_head.lora_A.weight", "lm_head.weight", "model.embed_tokens.lora_embedding_A",
            "model.layers.0.self_attn.q_proj.lora_magnitude_vector",
        ] {
            var tensors = all
            tensors["base_model.model.\(name)"] = try Tensor.zeros([4, 4])
            files[AdapterFiles.weightsFile] = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
            let error = #expect(throws: LanguageModelError.self) {
                try LowRankAdapter(files: files, for: configuration)
            }
            #expect(error?.message.contains("merge_and_unload") == true && error?.message.contains(name) == true)
        }
        files[AdapterFiles.weightsFile] = nil
        files["adapter_model.bin"] = Data()
        let error = #expect(throws: LanguageModelError.self) { try LowRankAdapter(files: files, for: configuration) }
        #expect(error?.message.contains("(adapter_model.bin)") == true)
    }
}
