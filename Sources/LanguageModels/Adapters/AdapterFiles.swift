import Foundation
import Torch

/// PEFT's directory of a LoRA adapter: adapter_config.json and adapter_model.safetensors; the fixtures are by PEFT 0.21.
package struct AdapterFiles {
    package static let configurationFile = "adapter_config.json"
    package static let weightsFile = "adapter_model.safetensors"

    let configuration: LoRAConfiguration
    let base: String?
    let modules: [LinearModule]
    /// Under the names of ``tensorName(_:_:)``.
    let weights: WeightFiles

    /// Whether a directory holds an adapter.
    package static func isAdapter(_ directory: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(directory)/\(configurationFile)")
    }

    static func tensorName(_ module: String, _ letter: String) -> String {
        "base_model.model.\(module).lora_\(letter).weight"
    }

    init(_ files: ModelFiles, for model: ModelConfiguration) throws {
        let reader = try ConfigurationReader(
            data: files.data(Self.configurationFile), source: files.label(Self.configurationFile))
        var configuration = try Self.configuration(reader)
        base = reader.has("base_model_name_or_path") ? try reader.string("base_model_name_or_path") : nil
        let family = Families.named(model.modelType)
        let weights = try WeightFiles(files.safetensors(Self.weightsFile)) { name in
            let prefix = "base_model.model."
            guard name.hasPrefix(prefix) else { return name }
            let inner = String(name.dropFirst(prefix.count))
            return prefix + (family?.canonicalName(inner) ?? inner)
        }
        // Which modules have a change is what the weights say: `target_modules` may be a pattern.
        let modules = LinearModule.all(model).filter { weights.has(Self.tensorName($0.name, "A")) }
        try weights.expectOnly(
            Set(modules.flatMap { [Self.tensorName($0.name, "A"), Self.tensorName($0.name, "B")] })
        ) { _ in false }
        guard !modules.isEmpty else {
            throw LanguageModelError(
                .weights, "\(files.label(Self.weightsFile)) has no lora_A for a linear map of this model")
        }
        if configuration.targets.isEmpty { configuration.targets = modules.map(\.name).sorted() }
        self.configuration = configuration
        self.modules = modules
        self.weights = weights
    }

    // MARK: adapter_config.json

    /// What does not change the arithmetic of an adapter that is loaded.
    private static let harmless: Set<String> = [
        "peft_type", "r", "lora_alpha", "target_modules", "use_rslora", "bias", "init_lora_weights", "auto_mapping",
        "peft_version", "base_model_name_or_path", "revision", "task_type", "inference_mode", "fan_in_fan_out",
        "lora_dropout", "layers_to_transform", "layers_pattern", "exclude_modules", "runtime_config",
        "loftq_config", "eva_config", "corda_config", "lora_ga_config", "megatron_core", "qalora_group_size",
        "ensure_weight_tying",
    ]

    /// Ways to start that leave the base weights as they were; the others changed them, and the adapter fits no other.
    private static let plainStarts: Set<String> = ["gaussian", "eva", "orthogonal"]

    private static func configuration(_ reader: ConfigurationReader) throws -> LoRAConfiguration {
        guard try reader.string("peft_type") == "LORA" else {
            throw reader.bad("peft_type", "is not LORA, the only kind of adapter that is implemented")
        }
        guard try reader.string("bias", default: "none") == "none" else {
            throw reader.bad("bias", "is not 'none': trained biases are not implemented")
        }
        switch reader.values["init_lora_weights"] {
        case nil, .null?, .bool?: break
        case .string(let start)? where plainStarts.contains(start): break
        default: throw reader.bad("init_lora_weights", "is a start that changes the base weights: not implemented")
        }
        for (key, value) in reader.values.sorted(by: { $0.key < $1.key }) where !harmless.contains(key) {
            switch value {
            case .null, .bool(false), .array([]), .object([:]): continue
            default: throw reader.bad(key, "is set, which is not implemented for adapters")
            }
        }
        let alpha = try reader.number("lora_alpha")
        guard abs(alpha) <= 1e6 else { throw reader.bad("lora_alpha", "is \(alpha), which cannot be") }
        var configuration = LoRAConfiguration(
            rank: try reader.integer("r"), alpha: alpha, targets: try targets(reader))
        configuration.rankStabilized = try reader.bool("use_rslora", default: false)
        return configuration
    }

    /// Empty when they are given as a pattern.
    private static func targets(_ reader: ConfigurationReader) throws -> [String] {
        switch reader.values["target_modules"] {
        case .array(let names)?:
            return try names.map { name in
                guard case .string(let text) = name else {
                    throw reader.bad("target_modules", "must be a list of names")
                }
                return text
            }.sorted()
        case .string(LoRAConfiguration.allLinear)?: return [LoRAConfiguration.allLinear]
        case .string?: return []
        default: throw reader.bad("target_modules", "must be a list of names")
        }
    }

    static func data(
        _ configuration: LoRAConfiguration, _ modules: [LinearModule], base: String?, task: String?
    ) throws -> Data {
        let targets =
            configuration.targets == [LoRAConfiguration.allLinear]
            ? LinearModule.lastParts(modules) : configuration.targets.sorted()
        let alpha = configuration.alpha
        let values: [String: JSON] = [
            "peft_type": .string("LORA"),
            "task_type": task.map(JSON.string) ?? .null,
            "base_model_name_or_path": base.map(JSON.string) ?? .null,
            "r": .integer(configuration.rank),
            "lora_alpha": Int(exactly: alpha).map(JSON.integer) ?? .number(alpha),
            "lora_dropout": .number(0),
            "target_modules": .array(targets.map(JSON.string)),
            "bias": .string("none"),
            "fan_in_fan_out": .bool(modules.contains(where: \.transposed)),
            "use_rslora": .bool(configuration.rankStabilized),
            "init_lora_weights": .bool(true),
            "inference_mode": .bool(true),
            "modules_to_save": .null,
        ]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(JSON.object(values))
    }
}
