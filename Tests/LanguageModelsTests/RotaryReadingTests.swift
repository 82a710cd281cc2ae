import Foundation
import Testing
import Torch

@testable import LanguageModels

/// Rotary entries in the spellings of transformers 4 and 5.
@Suite struct RotaryReadingTests {
    private func values(_ fixture: String) throws -> [String: JSON] {
        let data = try Data(contentsOf: URL(filePath: "\(FamilyFixtures.path(fixture))/config.json"))
        return try JSONDecoder().decode([String: JSON].self, from: data)
    }

    /// `fixture` with other entries, given as JSON; without those that are nil.
    private func read(_ fixture: String, _ changes: [String: String?]) throws -> ModelConfiguration {
        var values = try values(fixture)
        for (key, text) in changes {
            values[key] = try text.map { try JSONDecoder().decode([JSON].self, from: Data("[\($0)]".utf8))[0] }
        }
        return try ModelConfiguration(data: JSONEncoder().encode(values))
    }

    private func refusal(_ fixture: String, _ changes: [String: String?]) -> String {
        do {
            _ = try read(fixture, changes)
            return "it was read"
        } catch { return "\(error)" }
    }

    private func exported(_ configuration: ModelConfiguration) throws -> [String: JSON] {
        try JSONDecoder().decode([String: JSON].self, from: configuration.data())
    }

    // MARK: YaRN

    /// The entry of Qwen's README, and the two spellings on which all versions of transformers agree.
    @Test(arguments: [
        (64, #"{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}"#),
        (64, #"{"type": "yarn", "factor": 4.0}"#),
        (256, #"{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}"#),
        (256, #"{"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 64}"#),
        (100, #"{"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64}"#),
    ])
    func theFactorIsTheOneThatTheFileNames(_ context: Int, _ scaling: String) throws {
        for key in ["rope_scaling", "rope_parameters"] {
            let configuration = try read("qwen2-tied", ["max_position_embeddings": "\(context)", key: scaling])
            guard case .yarn(let yarn) = configuration.rotary.scaling else {
                Issue.record("\(configuration.rotary)")
                continue
            }
            #expect(yarn.factor == 4 && yarn.originalContext == 64 && configuration.contextLength == 256)
            #expect(abs(yarn.attentionFactor - (0.1 * log(4) + 1)) < 1e-12)
            // Version 4 takes the ratio of both contexts for the factor: an export has the right one.
            let values = try exported(configuration)
            #expect(values["max_position_embeddings"] == .integer(256))
            let expected = JSON.object([
                "rope_type": .string("yarn"), "factor": .integer(4), "original_max_position_embeddings": .integer(64),
            ])
            #expect(values["rope_scaling"] == expected)
        }
    }

    @Test func aFactorThatStretchesToNoWholeNumberIsExportedAlone() throws {
        let scaling = #"{"rope_type": "yarn", "factor": 1.3, "original_max_position_embeddings": 64}"#
        let configuration = try read("qwen2-tied", ["max_position_embeddings": "64", "rope_scaling": scaling])
        #expect(configuration.contextLength == 83)
        let values = try exported(configuration)
        #expect(values["max_position_embeddings"] == .integer(64))
        #expect(values["rope_scaling"] == .object(["rope_type": .string("yarn"), "factor": .number(1.3)]))
        let again = try ModelConfiguration(data: configuration.data())
        #expect(again.rotary == configuration.rotary && again.contextLength == 83)
    }

    @Test func anOriginalContextBesideTheObjectComesFirst() throws {
        let configuration = try read(
            "qwen2-tied",
            [
                "original_max_position_embeddings": "32",
                "rope_scaling": #"{"type": "yarn", "factor": 2, "original_max_position_embeddings": 64}"#,
            ])
        guard case .yarn(let yarn) = configuration.rotary.scaling else {
            Issue.record("no yarn")
            return
        }
        #expect(yarn.originalContext == 32 && configuration.contextLength == 64)
    }

    /// As by transformers; whether the two contexts are the same or not.
    @Test(arguments: [64, 256])
    func aFileWithoutAFactorIsRefused(_ context: Int) {
        let scaling = #"{"rope_type": "yarn", "original_max_position_embeddings": 64}"#
        for key in ["rope_scaling", "rope_parameters"] {
            let message = refusal("qwen2-tied", ["max_position_embeddings": "\(context)", key: scaling])
            #expect(message.contains("'factor' is missing"), "\(message)")
        }
    }

    @Test func contextsThatCannotBeAreRefused() {
        let scaling = #"{"type": "yarn", "factor": 1e300, "original_max_position_embeddings": 64}"#
        #expect(refusal("qwen2-tied", ["rope_scaling": scaling]).contains("'rope_scaling'"))
    }

    /// Wholly truncated or not, by the formula of the paper.
    @Test func theRampMayBeginBetweenPairs() throws {
        let both = try ["true", "false"].map { truncate in
            let scaling = """
                {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 1000.0,
                "beta_fast": 4, "beta_slow": 0.5, "truncate": \(truncate)}
                """
            return try read("qwen2-tied", ["rope_parameters": scaling]).rotary
        }
        #expect(both[0] != both[1])
        let pair = { (turns: Double) in 16 * log(64 / (turns * 2 * Double.pi)) / (2 * log(1000)) }
        let (low, high) = (pair(4), pair(0.5))
        let expected = (0..<8).map { index in
            let plain = pow(1000, -Double(index) / 8)
            let ramp = min(max((Double(index) - low) / (high - low), 0), 1)
            return plain / 4 * ramp + plain * (1 - ramp)
        }
        for (a, b) in zip(RotaryFrequencies.make(size: 16, both[1]), expected) { #expect(abs(a - b) < 1e-12) }
    }

    // MARK: Both versions

    @Test(arguments: [
        ("llama-grouped", ["rope_theta": "500", "rope_scaling": #"{"type": "linear", "factor": 2}"#]),
        ("mistral-window-5", ["rope_theta": "500"]),
        ("qwen2-grouped", ["rope_theta": "1e6", "rope_scaling": #"{"rope_type": "dynamic", "factor": 2}"#]),
        ("qwen3-plain", ["rope_theta": "1e6", "rope_scaling": #"{"type": "yarn", "factor": 2}"#]),
        ("phi3-window-partial", ["rope_theta": "500", "partial_rotary_factor": "0.5"]),
        ("gpt_neox-pythia", ["rotary_emb_base": "500", "rope_theta": "500", "rotary_pct": "0.5"]),
        ("gemma3_text-linear", ["rope_theta": "500", "rope_local_base_freq": "50"]),
    ])
    func bothSpellingsOfAnExportSayTheSame(_ fixture: String, _ changes: [String: String]) throws {
        var changes = changes.mapValues(Optional.some)
        if fixture == "gpt_neox-pythia" { changes["partial_rotary_factor"] = "0.5" }
        let configuration = try read(fixture, changes)
        let values = try exported(configuration)
        let older = [
            "rope_theta", "rope_scaling", "rope_local_base_freq", "partial_rotary_factor", "rotary_emb_base",
            "rotary_pct",
        ]
        for dropped in [["rope_parameters"], older] {
            let part = values.filter { !dropped.contains($0.key) }
            let again = try ModelConfiguration(data: JSONEncoder().encode(part))
            #expect(again.rotary == configuration.rotary, "without \(dropped)")
            #expect(again.localRotary == configuration.localRotary, "without \(dropped)")
            #expect(again.rotarySize == configuration.rotarySize && again.contextLength == configuration.contextLength)
        }
    }

    @Test func gemmaHasAnEntryForEachKindOfLayer() throws {
        let parameters = """
            {"full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1000000.0},
             "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}
            """
        let changes = ["rope_parameters": parameters, "rope_theta": nil, "rope_local_base_freq": nil]
        let configuration = try read("gemma3_text-layer-types", changes)
        #expect(configuration.rotary == Rotary(theta: 1_000_000, scaling: .linear(factor: 8)))
        #expect(configuration.localRotary == Rotary(theta: 100))
        let empty = try read(
            "gemma3_text-layer-types", ["rope_parameters": nil, "rope_theta": nil, "rope_local_base_freq": nil])
        #expect(empty.rotary == Rotary(theta: 1_000_000) && empty.localRotary == Rotary(theta: 10_000))
    }

    /// The base of each kind of layer is used where it belongs: with both the same, other logits.
    @Test func otherFamiliesMayHaveThemToo() throws {
        let parameters = #"{"full_attention": {"rope_theta": 500.0}, "sliding_attention": {"rope_theta": 20.0}}"#
        let configuration = try read("qwen2-upper-window", ["rope_parameters": parameters, "rope_theta": nil])
        #expect(configuration.rotary.theta == 500 && configuration.localRotary == Rotary(theta: 20))
        let same = try read(
            "qwen2-upper-window", ["rope_parameters": parameters.replacing("20.0", with: "500.0"), "rope_theta": nil])
        #expect(same.localRotary == nil)
        let half = #"{"full_attention": {"rope_theta": 500.0}}"#
        let message = refusal("qwen2-layer-types", ["rope_parameters": half, "rope_theta": nil])
        #expect(message.contains("'sliding_attention'") && message.contains("layer_types"), "\(message)")
    }

    /// transformers takes the usual base for them without a word.
    @Test(arguments: ["llama-grouped", "mistral-window-5", "gpt_neox-pythia", "phi3-plain"])
    func familiesWithoutTypesOfLayersHaveNoEntriesByType(_ fixture: String) {
        for kind in ["full_attention", "sliding_attention"] {
            let parameters = #"{"\#(kind)": {"rope_theta": 1e6}}"#
            let message = refusal(fixture, ["rope_parameters": parameters, "rope_scaling": nil])
            #expect(message.contains("'\(kind)' is an entry by type of layer"), "\(message)")
        }
    }

    @Test func entriesForLayersThatAreNotThereAreNotRead() throws {
        let parameters = """
            {"full_attention": {"rope_theta": 500.0}, "sliding_attention": {"rope_theta": 20.0},
             "chunked_attention": {"rope_type": "unheard-of", "rope_theta": 7.0}}
            """
        let configuration = try read("gemma3_text-layer-types", ["rope_parameters": parameters, "rope_theta": nil])
        #expect(configuration.rotary == Rotary(theta: 500) && configuration.localRotary == Rotary(theta: 20))
        let typo = parameters.replacing("chunked_attention", with: "full_atention")
        #expect(refusal("gemma3_text-layer-types", ["rope_parameters": typo]).contains("'full_atention'"))
    }

    @Test func contradictionsAreRefused() {
        let linear = #"{"rope_type": "linear", "factor": 2}"#
        let plain = #"{"rope_type": "default", "rope_theta": 500.0}"#
        let both = refusal("llama-grouped", ["rope_scaling": linear, "rope_parameters": plain])
        #expect(both.contains("'rope_scaling' contradicts 'rope_parameters'"), "\(both)")
        let flat = refusal("gemma3_text-layer-types", ["rope_parameters": linear])
        #expect(flat.contains("full_attention") && flat.contains("sliding_attention"), "\(flat)")
        let mixed = #"{"full_attention": {"rope_theta": 500.0}, "rope_theta": 20.0}"#
        #expect(refusal("qwen2-layer-types", ["rope_parameters": mixed]).contains("'rope_theta'"))
        let part = #"{"full_attention": {"partial_rotary_factor": 0.5}}"#
        #expect(refusal("llama-grouped", ["rope_parameters": part]).contains("'partial_rotary_factor'"))
        let truncated = #"{"full_attention": {"rope_type": "yarn", "factor": 2, "truncate": false}}"#
        #expect(refusal("gemma3_text-layer-types", ["rope_parameters": truncated]).contains("'truncate'"))
    }

    // MARK: Scalings that end with the context

    @Test func longropeIsReadAsFarAsTheOriginalContext() throws {
        let factors = #""short_factor": [1, 2, 3], "long_factor": [4, 5, 6]"#
        let changes = [
            "rope_scaling": "{\"type\": \"su\", \(factors)}", "max_position_embeddings": "1024",
            "original_max_position_embeddings": "64", "partial_rotary_factor": "0.75",
        ]
        let configuration = try read("phi3-window-partial", changes)
        guard case .long(let long) = configuration.rotary.scaling else {
            Issue.record("no longrope")
            return
        }
        #expect(configuration.contextLength == 64 && long.shortFactors == [1, 2, 3])
        #expect(abs(long.attentionFactor - (1 + log(16) / log(64)).squareRoot()) < 1e-12)
        let model = try CausalLM(configuration: configuration, seed: 1)
        let error = #expect(throws: LanguageModelError.self) {
            _ = try model.logits(tokens: [[Int32](repeating: 4, count: 65)])
        }
        #expect(error?.message.contains("context of 64") == true)
        let short = refusal("phi3-window-partial", changes.merging(["partial_rotary_factor": "0.5"]) { $1 })
        #expect(short.contains("short_factor"), "\(short)")
    }

    @Test func dynamicScalingChangesNothingWithinTheContext() throws {
        let configuration = try read("llama-grouped", ["rope_scaling": #"{"type": "dynamic", "factor": 4}"#])
        #expect(configuration.contextLength == 128)
        let plain = RotaryFrequencies.make(size: 8, Rotary(theta: configuration.rotary.theta))
        #expect(RotaryFrequencies.make(size: 8, configuration.rotary) == plain)
    }
}
