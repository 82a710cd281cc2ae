import Foundation
import Testing
import Torch

@testable import LanguageModels

/// What would change the arithmetic and is not implemented is an error that names the key.
@Suite struct BadFamilyTests {
    struct Change: CustomTestStringConvertible, Sendable {
        let fixture: String
        let key: String
        let value: JSON
        /// What the message must name; nil = the key alone.
        let naming: String?
        var testDescription: String { "\(fixture): \(key)" }

        init(_ fixture: String, _ key: String, _ value: JSON, naming: String? = nil) {
            (self.fixture, self.key, self.value, self.naming) = (fixture, key, value, naming)
        }
    }

    private static func rope(_ type: String) -> JSON {
        .object([
            "rope_type": .string(type), "factor": .number(2), "short_factor": .array([]), "long_factor": .array([]),
        ])
    }

    private static let changes = [
        Change("gpt2-plain", "scale_attn_by_inverse_layer_idx", .bool(true)),
        Change("gpt2-plain", "reorder_and_upcast_attn", .string("yes")),
        Change("gpt2-plain", "head_dim", .integer(4)),
        Change("gpt2-plain", "is_causal", .bool(false)),
        Change("llama-grouped", "per_layer_config", .object(["0": .object(["head_dim": .integer(4)])])),
        Change("gpt_neox-pythia", "head_dim", .integer(4)),
        Change("gpt2-plain", "activation_function", .string("mish"), naming: "mish"),
        Change("gpt2-plain", "add_cross_attention", .bool(true)),
        Change("gpt2-plain", "n_head", .integer(3)),
        Change("gpt2-plain", "rope_scaling", rope("linear")),
        Change("gpt_neox-pythia", "hidden_act", .string("tanh"), naming: "tanh"),
        Change("gpt_neox-pythia", "rotary_pct", .number(0.2)),
        Change("gpt_neox-pythia", "rotary_pct", .number(0)),
        Change("gpt_neox-pythia", "rope_theta", .number(500)),
        Change("gpt_neox-pythia", "rope_scaling", rope("proportional"), naming: "proportional"),
        Change("llama-grouped", "hidden_act", .string("quick_gelu"), naming: "quick_gelu"),
        Change("llama-grouped", "partial_rotary_factor", .number(0.5)),
        Change("llama-grouped", "sliding_window", .integer(8)),
        Change("llama-grouped", "rope_interleaved", .bool(true)),
        Change("llama-grouped", "rope_scaling", rope("longrope"), naming: "short_factor"),
        Change("llama-grouped", "rope_scaling", .object(["type": .string("dynamic")]), naming: "factor"),
        Change("llama-yarn", "rope_scaling", .object(["type": .string("yarn")]), naming: "factor"),
        Change(
            "qwen2-tied", "rope_scaling",
            .object(["type": .string("default"), "mrope_section": .array([.integer(2)])]),
            naming: "mrope_section"),
        Change("mistral-window-5", "hidden_act", .string("gelu_10")),
        Change("mistral-window-5", "sliding_window", .integer(0)),
        Change("mistral-window-5", "attention_bias", .bool(true)),
        Change("qwen2-tied", "layer_types", .array([.string("sliding_attention"), .string("full_attention")])),
        Change("qwen2-tied", "layer_types", .array([.string("full_attention")])),
        Change("qwen2-tied", "layer_types", .array([.string("chunked_attention"), .string("full_attention")])),
        Change("qwen2-tied", "use_mrope", .bool(true)),
        Change("qwen3-plain", "hidden_act", .string("relu2")),
        Change("qwen3-plain", "rope_scaling", rope("proportional"), naming: "proportional"),
        Change("gemma3_text-layer-types", "attn_logit_softcapping", .number(50)),
        Change("gemma3_text-layer-types", "final_logit_softcapping", .number(30)),
        Change("gemma3_text-layer-types", "hidden_activation", .string("mish")),
        Change("gemma3_text-layer-types", "use_bidirectional_attention", .bool(true)),
        Change("gemma3_text-layer-types", "query_pre_attn_scalar", .integer(0)),
        Change("gemma3_text-layer-types", "sliding_window", .null),
        Change("gemma3-sees", "text_config", .null),
        Change("phi3-plain", "rope_scaling", rope("linear"), naming: "linear"),
        Change("phi3-plain", "layer_types", .array([.string("sliding_attention"), .string("full_attention")])),
        Change("phi3-plain", "rope_scaling", rope("su"), naming: "short_factor"),
        Change("phi3-plain", "partial_rotary_factor", .number(1.5)),
        Change("phi3-plain", "hidden_act", .string("gelu_10")),
        Change("phi3-plain", "quantization_config", .object(["bits": .integer(4)])),
        Change("phi3-plain", "model_type", .string("phi4"), naming: "phi4"),
    ]

    private func refusal(_ fixture: String, _ change: (inout [String: JSON]) -> Void) throws -> String {
        let data = try Data(contentsOf: URL(filePath: "\(FamilyFixtures.path(fixture))/config.json"))
        var values = try JSONDecoder().decode([String: JSON].self, from: data)
        change(&values)
        do {
            _ = try ModelConfiguration(data: JSONEncoder().encode(JSON.object(values)))
            return "it was read"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: changes)
    func optionsThatAreNotImplementedAreNamed(_ change: Change) throws {
        let message = try refusal(change.fixture) { $0[change.key] = change.value }
        #expect(message.contains("'\(change.key)'") || message.contains("\(change.key): '"), "\(message)")
        #expect(message.contains(change.naming ?? change.key), "\(message)")
    }

    @Test func harmlessEntriesAreKept() throws {
        let harmless: [(String, String, JSON)] = [
            ("llama-grouped", "attention_dropout", .number(0.1)), ("llama-grouped", "rope_interleaved", .bool(false)),
            ("llama-grouped", "pretraining_tp", .integer(2)), ("gpt2-plain", "attn_pdrop", .number(0.1)),
            ("gpt2-plain", "summary_type", .string("cls_index")), ("llama-grouped", "sliding_window", .integer(4096)),
            ("phi3-plain", "rope_scaling", .null), ("mistral-window-5", "quantization_config", .null),
        ]
        for (fixture, key, value) in harmless {
            #expect(try refusal(fixture) { $0[key] = value } == "it was read", "\(key)")
        }
    }

    /// Whatever stands in an entry, reading it is an error or gives a configuration; it never ends the process.
    @Test(arguments: FamilyFixtures.some)
    func noEntryTraps(_ fixture: String) throws {
        let data = try Data(contentsOf: URL(filePath: "\(FamilyFixtures.path(fixture))/config.json"))
        let values = try JSONDecoder().decode([String: JSON].self, from: data)
        let scalings: [JSON] = ["linear", "llama3", "yarn", "default"].map {
            .object([
                "rope_type": .string($0), "factor": .number(1e300), "beta_fast": .number(1e300),
                "beta_slow": .number(1e-300), "original_max_position_embeddings": .integer(1),
                "low_freq_factor": .number(1e-300), "high_freq_factor": .number(1e300),
            ])
        }
        let odd: [JSON] =
            [
                .null, .bool(true), .integer(0), .integer(1), .integer(-1), .integer(3), .integer(1 << 40),
                .integer(.max),
                .number(0.1), .number(-1e300), .number(1e300), .string("x"), .array([]), .array([.null]), .object([:]),
            ] + scalings
        var read = 0
        for key in values.keys.sorted() + ["rope_scaling", "rope_parameters", "layer_types", "sliding_window"] {
            for value in odd {
                var changed = values
                changed[key] = value
                let bytes = try JSONEncoder().encode(JSON.object(changed))
                guard let configuration = try? ModelConfiguration(data: bytes) else { continue }
                read += 1
                _ = try configuration.data()
                let size = configuration.rotarySize
                let frequencies = RotaryFrequencies.make(size: size, configuration.rotary)
                #expect(frequencies.allSatisfy { $0.isFinite }, "\(key): \(value)")
            }
        }
        #expect(read > 10)
    }

    @Test func aTensorUnderTwoNamesIsRefused() throws {
        let path = try FamilyFixtures.path("gpt2-published-names")
        var tensors = try Safetensors(path: "\(path)/model.safetensors").tensors()
        tensors["transformer.wte.weight"] = tensors["wte.weight"]
        let files = [
            "config.json": try Data(contentsOf: URL(filePath: "\(path)/config.json")),
            "model.safetensors": try Safetensors.data(tensors.map { NamedTensor($0.key, $0.value) }),
        ]
        let error = #expect(throws: LanguageModelError.self) { try CausalLM(files: files) }
        #expect(error?.message.contains("under two names") == true)
    }

    @Test func headsThatAreNotCalledLikeLlamasAreTiedOrNot() throws {
        #expect(try FamilyFixtures.model("gpt_neox-pythia").parameters.last?.name == "embed_out.weight")
        #expect(try FamilyFixtures.model("gpt2-untied-gelu").parameters.last?.name == "lm_head.weight")
        #expect(try FamilyFixtures.model("gpt2-plain").parameters.last?.name == "transformer.ln_f.bias")
    }
}
