import Foundation
import Testing
import Torch

@testable import LanguageModels

@Suite struct BadModelTests {
    /// The message of the error that loading gives.
    private func refusal(_ files: [String: Data]) -> String {
        do {
            _ = try CausalLM(files: files)
            return "it was loaded"
        } catch {
            return "\(error)"
        }
    }

    private func changed(_ change: (inout [String: Any]) -> Void) throws -> [String: Data] {
        var files = try Fixtures.files("grouped")
        let object = try JSONSerialization.jsonObject(with: #require(files["config.json"]))
        var values = try #require(object as? [String: Any])
        change(&values)
        files["config.json"] = try JSONSerialization.data(withJSONObject: values)
        return files
    }

    private func reweighted(_ change: (inout [String: Tensor]) throws -> Void) throws -> [String: Data] {
        var files = try Fixtures.files("grouped")
        var tensors = try Safetensors(data: #require(files["model.safetensors"]), name: "x").tensors()
        try change(&tensors)
        files["model.safetensors"] = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
        return files
    }

    @Test(arguments: ["config.json", "model.safetensors"])
    func aMissingFileIsNamed(_ name: String) throws {
        var files = try Fixtures.files("grouped")
        files[name] = nil
        #expect(refusal(files).contains(name))
        try Fixtures.temporary { folder in
            for (name, data) in files { try data.write(to: URL(filePath: "\(folder)/\(name)")) }
            let error = #expect(throws: LanguageModelError.self) { try CausalLM(directory: folder) }
            #expect(error?.message.contains(name) == true && error?.message.contains(folder) == true)
        }
        let error = #expect(throws: LanguageModelError.self) { try CausalLM(directory: "/no/such/model") }
        #expect(error?.message == "there is no directory '/no/such/model'")
    }

    @Test func shardsMustBeThereAndHoldWhatTheIndexSays() throws {
        let files = try Fixtures.files("sharded")
        var missing = files
        missing["model-00002-of-00003.safetensors"] = nil
        #expect(refusal(missing).contains("model-00002-of-00003.safetensors"))
        struct Index: Codable { var weight_map: [String: String] }
        var index = try JSONDecoder().decode(Index.self, from: #require(files["model.safetensors.index.json"]))
        let place = index.weight_map["model.norm.weight"]
        index.weight_map["model.norm.weight"] = index.weight_map.values.first { $0 != place }
        var wrong = files
        wrong["model.safetensors.index.json"] = try JSONEncoder().encode(index)
        #expect(refusal(wrong).contains("where the index of"))
        wrong["model.safetensors.index.json"] = Data(#"{"weight_map": {"a": "../../etc/passwd"}}"#.utf8)
        #expect(refusal(wrong).contains("plain file name"))
        wrong["model.safetensors.index.json"] = Data(#"{"weights": 1}"#.utf8)
        #expect(refusal(wrong).contains("weight_map"))
    }

    @Test func truncatedAndLyingFilesAreRefused() throws {
        var files = try Fixtures.files("grouped")
        let data = try #require(files["model.safetensors"])
        for count in [0, 7, 8, 200, data.count / 2, data.count - 1] {
            files["model.safetensors"] = data.prefix(count)
            #expect(refusal(files).contains("safetensors"))
        }
        var lying = data
        lying[4] = 1  // the header's length
        files["model.safetensors"] = lying
        #expect(refusal(files).contains("claims"))
    }

    @Test func weightsThatDoNotFitAreNamed() throws {
        let name = "model.layers.1.mlp.up_proj.weight"
        #expect(try refusal(reweighted { $0[name] = nil }).contains("no tensor '\(name)'"))
        #expect(try refusal(reweighted { $0["extra"] = try Tensor.zeros([1]) }).contains("unexpected tensor 'extra'"))
        #expect(try refusal(reweighted { $0[name] = try Tensor.zeros([48, 31]) }).contains("shape [48, 31]"))
        #expect(try refusal(reweighted { $0[name] = try Tensor.zeros([48, 32], dtype: .int32) }).contains(name))
        for bad in [Double.nan, .infinity, -.infinity] {
            let message = try refusal(
                reweighted { tensors in
                    let tensor = try Tensor.zeros([48, 32])
                    try tensor.slice(0, 47..<48).slice(1, 31..<32).fill(bad)
                    tensors[name] = tensor
                })
            #expect(message.contains(name) && message.contains("NaN or infinity"))
        }
        // Frequencies in old files are not weights.
        let old = try reweighted { $0["model.layers.0.self_attn.rotary_emb.inv_freq"] = try Tensor.zeros([4]) }
        #expect(refusal(old) == "it was loaded")
    }

    @Test func aTiedHeadMayBeRepeatedButNotDiffer() throws {
        var files = try Fixtures.files("tied")
        var tensors = try Safetensors(data: #require(files["model.safetensors"]), name: "x").tensors()
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
        files["model.safetensors"] = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
        #expect(refusal(files) == "it was loaded")
        tensors["lm_head.weight"] = try tensors["model.embed_tokens.weight"].map { try $0 + 1 }
        files["model.safetensors"] = try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) })
        #expect(refusal(files).contains("tie_word_embeddings"))
    }

    @Test func entriesOfTheConfigurationAreChecked() throws {
        for key in ["model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"] {
            #expect(try refusal(changed { $0[key] = nil }).contains("'\(key)' is missing"))
            #expect(try refusal(changed { $0[key] = ["a"] }).contains("'\(key)'"))
        }
        #expect(try refusal(changed { $0["model_type"] = "mamba" }).contains("'mamba' is not supported"))
        #expect(try refusal(changed { $0["hidden_size"] = -4 }).contains("hidden_size"))
        #expect(try refusal(changed { $0["hidden_size"] = 1e30 }).contains("hidden_size"))
        #expect(try refusal(changed { $0["num_key_value_heads"] = 3 }).contains("num_key_value_heads"))
        #expect(try refusal(changed { $0["num_hidden_layers"] = 1 << 31 }).contains("out of range"))
        #expect(try refusal(changed { $0["hidden_act"] = "mish" }).contains("hidden_act"))
        #expect(try refusal(changed { $0["eos_token_id"] = ["2"] }).contains("eos_token_id"))
        #expect(try refusal(changed { $0["bos_token_id"] = 1 << 40 }).contains("bos_token_id"))
        for kind in ["proportional", "su", "made-up"] {
            #expect(try refusal(changed { $0["rope_scaling"] = ["rope_type": kind] }).contains("'\(kind)'"))
        }
        #expect(try refusal(changed { $0["rope_scaling"] = ["rope_type": "linear"] }).contains("factor"))
        #expect(try refusal(changed { $0["quantization_config"] = ["bits": 4] }).contains("quantization_config"))
        #expect(try refusal(changed { $0["rms_norm_eps"] = 0 }).contains("rms_norm_eps"))
        var files = try Fixtures.files("grouped")
        files["config.json"] = Data("[1]".utf8)
        #expect(refusal(files).contains("config.json"))
    }

    /// Special tokens without a row in the embedding stop nobody who does not use them; an export keeps them.
    @Test func tokensBeyondTheVocabularyAreAWarningUntilTheyAreUsed() throws {
        let files = try changed {
            $0["bos_token_id"] = 96
            $0["eos_token_id"] = [2, 5000]
            $0["pad_token_id"] = 151_643
        }
        let model = try CausalLM(files: files)
        let warnings = model.configuration.warnings
        #expect(warnings.count == 3)
        for (key, token) in [("bos_token_id", "96"), ("eos_token_id", "5000"), ("pad_token_id", "151643")] {
            #expect(warnings.contains { $0.contains("'\(key)'") && $0.contains(token) && $0.contains("config.json") })
        }
        _ = try model.logits(tokens: [[4, 5]])
        let request = GenerationRequest(tokens: [4, 5], row: 0)
        #expect(try !model.generate([request], SamplingOptions(maxNewTokens: 2), seed: 1, step: 0).isEmpty)
        let error = #expect(throws: LanguageModelError.self) { _ = try model.logits(tokens: [[4, 96]]) }
        #expect(error?.message.contains("token 96") == true)
        let values = try JSONDecoder().decode([String: JSON].self, from: model.configuration.data())
        #expect(values["eos_token_id"] == .array([.integer(2), .integer(5000)]))
        #expect(values["pad_token_id"] == .integer(151_643))
        #expect(try CausalLM(files: Fixtures.files("grouped")).configuration.warnings.isEmpty)
    }

    @Test func listsAndNullsOfTokensAreUnderstood() throws {
        let files = try changed {
            $0["eos_token_id"] = [2, 5]
            $0["bos_token_id"] = NSNull()
            $0["pad_token_id"] = -1
        }
        let configuration = try CausalLM(files: files).configuration
        #expect(configuration.endTokens == [2, 5])
        #expect(configuration.beginToken == nil && configuration.padToken == nil)
    }
}
