import Foundation

/// PEFT's adapter_config.json.
enum AdapterConfiguration {
    /// What to do with an adapter that is not implemented.
    static let remedy = "merge it into its base with PEFT's merge_and_unload() and save that model"

    /// What does not change the arithmetic of an adapter that is loaded: which modules have a change is what the weights
    /// say, so neither patterns of targets nor choices of layers have to be understood.
    private static let harmless: Set<String> = [
        "peft_type", "r", "lora_alpha", "target_modules", "use_rslora", "bias", "init_lora_weights", "auto_mapping",
        "peft_version", "base_model_name_or_path", "revision", "task_type", "inference_mode", "fan_in_fan_out",
        "lora_dropout", "layers_to_transform", "layers_pattern", "exclude_modules", "runtime_config", "rank_pattern",
        "alpha_pattern", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "megatron_core",
        "qalora_group_size", "ensure_weight_tying",
    ]

    /// Ways to start that leave the base weights as they were; the others changed them, and the adapter fits no other.
    private static let plainStarts: Set<String> = ["gaussian", "eva", "orthogonal"]

    /// - Throws: an error that names the key of whatever is not implemented and says what to do.
    static func read(_ reader: ConfigurationReader) throws -> LoRAConfiguration {
        guard try reader.string("peft_type") == "LORA" else {
            throw reader.bad("peft_type", "is not LORA, the only kind of adapter that is implemented; \(remedy)")
        }
        guard try reader.string("bias", default: "none") == "none" else {
            throw reader.bad("bias", "is not 'none': trained biases are not implemented; \(remedy)")
        }
        switch reader.values["init_lora_weights"] {
        case nil, .null?, .bool?: break
        case .string(let start)? where plainStarts.contains(start): break
        default:
            throw reader.bad(
                "init_lora_weights", "is a start that changes the base weights: not implemented; \(remedy)")
        }
        for (key, value) in reader.values.sorted(by: { $0.key < $1.key }) where !harmless.contains(key) {
            switch value {
            case .null, .bool(false), .array([]), .object([:]): continue
            default: throw reader.bad(key, "is set, which is not implemented for adapters; \(remedy)")
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
        default: throw reader.bad("target_modules", "must be a list of names or a pattern")
        }
    }

    // MARK: Ranks and alphas of single modules

    /// - Parameter names: PEFT's name of each module.
    static func readPatterns(
        _ reader: ConfigurationReader, _ modules: [LinearModule], _ names: [String: String], _ weights: WeightFiles,
        into configuration: inout LoRAConfiguration
    ) throws {
        let ranks = try patterns("rank_pattern", reader)
        let alphas = try patterns("alpha_pattern", reader)
        for module in modules {
            let name = names[module.name] ?? module.name
            if let alpha = try value(of: name, in: alphas, "alpha_pattern", reader) {
                guard abs(alpha) <= 1e6 else { throw reader.bad("alpha_pattern", "is \(alpha), which cannot be") }
                configuration.alphas[module.name] = alpha
            }
            let stated = try value(of: name, in: ranks, "rank_pattern", reader)
            let key = stated == nil ? "r" : "rank_pattern"
            guard let rank = Int(exactly: stated ?? Double(configuration.rank)), (1...(1 << 20)).contains(rank) else {
                throw reader.bad(key, "gives '\(name)' a rank that cannot be")
            }
            if let found = weights.shape(of: AdapterFiles.tensorName(module.name, "A")), found.first != rank {
                throw reader.bad(
                    key, "says rank \(rank) for '\(name)', but its tensors have rank \(found.first ?? 0)")
            }
            if stated != nil { configuration.ranks[module.name] = rank }
        }
    }

    /// Each more makes the search of a name that does not fit as many times longer as the name has letters.
    private static let mostRepeats = 4

    private typealias Pattern = (text: String, expression: Regex<AnyRegexOutput>, value: Double)

    private static func patterns(_ key: String, _ reader: ConfigurationReader) throws -> [Pattern] {
        guard let found = try reader.object(key) else { return [] }
        return try found.values.keys.sorted().map { text in
            // The engine goes back and forth; a repeated group of a file from elsewhere could keep it for ever.
            let repeats = text.count { "*+{".contains($0) }
            guard text.utf8.count <= 1000, repeats <= mostRepeats,
                [")*", ")+", "){"].allSatisfy({ !text.contains($0) })
            else {
                throw reader.bad(
                    key,
                    """
                    has the pattern '\(text.prefix(80))', which is too long, repeats a group or repeats more than \
                    \(mostRepeats) times; \(remedy)
                    """)
            }
            do {
                // As PEFT: the end of a module's name, from a dot on.
                return (text, try Regex("(?:.*\\.)?(?:\(text))"), try found.number(text))
            } catch let error as LanguageModelError {
                throw error
            } catch {
                throw reader.bad(key, "has the pattern '\(text)', which is no regular expression; \(remedy)")
            }
        }
    }

    private static func value(
        of name: String, in patterns: [Pattern], _ key: String, _ reader: ConfigurationReader
    ) throws -> Double? {
        let matching = try patterns.filter { try $0.expression.wholeMatch(in: name) != nil }
        // PEFT takes the first in the order of the file, which a reader of JSON need not keep.
        for other in matching.dropFirst() where other.value != matching[0].value {
            throw reader.bad(
                key, "has two patterns for '\(name)', '\(matching[0].text)' and '\(other.text)'; \(remedy)")
        }
        return matching.first?.value
    }

    // MARK: Writing

    static func data(
        _ configuration: LoRAConfiguration, _ modules: [LinearModule], base: String?, task: String?
    ) throws -> Data {
        let targets =
            configuration.targets == [LoRAConfiguration.allLinear]
            ? LinearModule.lastParts(modules) : configuration.targets.sorted()
        let values: [String: JSON] = [
            "peft_type": .string("LORA"),
            "task_type": task.map(JSON.string) ?? .null,
            "base_model_name_or_path": base.map(JSON.string) ?? .null,
            "r": .integer(configuration.rank),
            "lora_alpha": number(configuration.alpha),
            "lora_dropout": .number(0),
            "target_modules": .array(targets.map(JSON.string)),
            "bias": .string("none"),
            "fan_in_fan_out": .bool(modules.contains(where: \.transposed)),
            "use_rslora": .bool(configuration.rankStabilized),
            "rank_pattern": .object(configuration.ranks.mapValues(JSON.integer)),
            "alpha_pattern": .object(configuration.alphas.mapValues(number)),
            "init_lora_weights": .bool(true),
            "inference_mode": .bool(true),
            "modules_to_save": .null,
        ]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(JSON.object(values))
    }

    private static func number(_ value: Double) -> JSON { Int(exactly: value).map(JSON.integer) ?? .number(value) }
}
