import Foundation
import Torch

/// The directory of a reward model, as transformers saves a `...ForSequenceClassification`:
///
///     config.json          architectures, id2label of one label, pad_token_id
///     model.safetensors    the trunk and `score.weight` [1, d], without a bias; or shards with their index
///     reward.json          ours: mean and deviation of raw rewards. Absent = 0 and 1
///
/// The mean cannot stand in a head without a bias, so the file's head gives raw rewards, the logits of transformers, and
/// normalisation is beside it: reward = (raw - mean) / deviation.
enum RewardModelFiles {
    static let numbersFile = "reward.json"
    /// Where earlier versions kept the head, with a bias; adapters keep it there.
    static let headFile = "reward_head.safetensors"

    /// What reward.json holds.
    struct Numbers: Codable {
        var mean = 0.0
        var deviation = 1.0

        func data() throws -> Data {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return try encoder.encode(self)
        }
    }

    struct Loaded {
        let trunk: Transformer
        let head: ScalarHead
        let numbers: Numbers
        let paddingToken: Int32?
    }

    static func load(_ files: ModelFiles, device: Device, dtype: DType) throws -> Loaded {
        let file = try ConfigurationReader(data: files.data("config.json"), source: files.label("config.json"))
        let configuration = try files.configuration()
        let weights = try WeightFiles(files, of: configuration)
        let name = ScalarHead.weightName
        let isSeparate = !weights.has(name) && files.has(headFile)
        if !isSeparate {
            try checkLabels(file)
            try checkHead(weights, file)
        }
        let trunk = try Transformer(configuration, weights, device: device, dtype: dtype)
        try weights.expectOnly(
            Set(trunk.parameters.map(\.name) + [CausalLM.headName(configuration)] + (isSeparate ? [] : [name]))
        ) {
            Families.named(configuration.modelType)?.isIgnored($0) ?? false
        }
        if isSeparate {
            let (head, numbers) = try separateHead(
                files, hiddenSize: configuration.hiddenSize, device: device, dtype: dtype)
            return Loaded(trunk: trunk, head: head, numbers: numbers, paddingToken: nil)
        }
        let weight = try weights.tensor(
            TensorSpecification(name, [1, configuration.hiddenSize], .zeros), dtype: dtype, device: device)
        return Loaded(
            trunk: trunk, head: ScalarHead(weight: weight), numbers: try numbers(files),
            paddingToken: paddingToken(configuration))
    }

    /// A head in a file of its own. Its bias, if it has one, becomes part of the mean.
    static func separateHead(
        _ files: ModelFiles, hiddenSize: Int, device: Device, dtype: DType
    ) throws -> (ScalarHead, Numbers) {
        let head = try ScalarHead(
            WeightFiles(files.safetensors(headFile)), hiddenSize: hiddenSize, device: device, dtype: dtype)
        var numbers = try numbers(files)
        if let bias = head.bias { numbers.mean -= try bias.to(dtype: .float32).item() }
        return (ScalarHead(weight: head.weight), numbers)
    }

    private static func numbers(_ files: ModelFiles) throws -> Numbers {
        guard files.has(numbersFile) else { return Numbers() }
        let numbers: Numbers
        do {
            numbers = try JSONDecoder().decode(Numbers.self, from: files.data(numbersFile))
        } catch let error as DecodingError {
            throw LanguageModelError(
                .configuration, "\(files.label(numbersFile)) must hold the numbers 'mean' and 'deviation'",
                cause: error)
        }
        guard numbers.mean.isFinite, numbers.deviation.isFinite, numbers.deviation > 0 else {
            throw LanguageModelError(
                .configuration, "\(files.label(numbersFile)): 'deviation' must be above 0, both must be finite")
        }
        return numbers
    }

    // MARK: config.json

    private static let remedy = "a reward model has one label: train it with num_labels=1"

    /// - Throws: when config.json describes a classifier.
    private static func checkLabels(_ file: ConfigurationReader) throws {
        if file.has("problem_type") {
            let type = try file.string("problem_type")
            guard type == "regression" else {
                throw file.bad("problem_type", "is '\(type)'; \(remedy), and problem_type null or regression")
            }
        }
        if let labels = try file.object("id2label"), labels.values.count != 1 {
            throw file.bad("id2label", "names \(labels.values.count) labels; \(remedy)")
        }
        if file.has("num_labels") {
            let count = try file.integer("num_labels")
            guard count == 1 else { throw file.bad("num_labels", "is \(count); \(remedy)") }
        }
    }

    private static func checkHead(_ weights: WeightFiles, _ file: ConfigurationReader) throws {
        let name = ScalarHead.weightName
        guard let shape = weights.shape(of: name) else {
            let kind = (try? file.strings("architectures"))?.first.map { "a \($0)" } ?? "this model"
            throw LanguageModelError(
                .weights,
                "\(weights.label) has no tensor '\(name)': \(kind) is no reward model; give one that transformers saved "
                    + "as ...ForSequenceClassification with num_labels=1, or one of the stage reward_model")
        }
        if shape.count == 2, shape[0] != 1 {
            throw LanguageModelError(
                .weights, "tensor '\(name)' of \(weights.label) has \(shape[0]) rows, one for each label; \(remedy)")
        }
    }

    /// `pad_token_id` as transformers has it; where the key is absent, the default of the configuration's class.
    private static func paddingToken(_ configuration: ModelConfiguration) -> Int32? {
        guard configuration.original["pad_token_id"] == nil else { return configuration.padToken }
        switch configuration.modelType {
        case "gemma3_text": return 0
        case "phi3": return 32_000
        default: return configuration.padToken
        }
    }

    /// config.json of a `...ForSequenceClassification` with one label.
    static func configurationData(_ configuration: ModelConfiguration, paddingToken: Int32?) throws -> Data {
        var values = try JSONDecoder().decode([String: JSON].self, from: configuration.data())
        if case .array(let names)? = values["architectures"], case .string(let name)? = names.first {
            values["architectures"] = .array([.string(architecture(name))])
        }
        values["num_labels"] = .integer(1)
        values["id2label"] = .object(["0": .string("LABEL_0")])
        values["label2id"] = .object(["LABEL_0": .integer(0)])
        values["problem_type"] = nil
        values["pad_token_id"] = paddingToken.map { .integer(Int($0)) } ?? .null
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(JSON.object(values))
    }

    /// `LlamaForCausalLM` -> `LlamaForSequenceClassification`
    private static func architecture(_ name: String) -> String {
        for ending in ["ForCausalLM", "LMHeadModel"] where name.hasSuffix(ending) {
            let family = name.dropLast(ending.count)
            return (family == "Gemma3" ? "Gemma3Text" : family) + "ForSequenceClassification"
        }
        return name
    }
}
