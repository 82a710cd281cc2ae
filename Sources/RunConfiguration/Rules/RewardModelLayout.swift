import Foundation

/// A reward model's directory as far as it can be judged without loading it: the labels in config.json and the names of
/// the tensors. A run whose scorers could not load the model is refused before it starts.
struct RewardModelLayout {
    private static let remedy = "a reward model has one label: train it with num_labels=1"
    /// Beginnings of names of tensors that belong to a trunk or to a language model's head, in any family.
    private static let known = [
        "model.", "transformer.", "gpt_neox.", "language_model.", "vision_tower.", "multi_modal_projector.",
        "h.", "wte.", "wpe.", "ln_f.", "lm_head.", "embed_out.",
    ]
    private static let largestHeader = 100 << 20

    private let directory: String

    init(_ directory: String) { self.directory = directory }

    /// Why this is no reward model; nil when nothing speaks against it.
    var trouble: String? {
        guard let configuration = object("config.json") else {
            return "\(directory)/config.json is not a JSON object"
        }
        let names: [String: [Int]?]
        switch tensors {
        case .success(let found): names = found
        case .failure(let problem): return problem.message
        }
        // Earlier versions kept the head beside the trunk, whose config.json is a language model's.
        if names["score.weight"] == nil, Files.exists("\(directory)/reward_head.safetensors") { return nil }
        if let trouble = labelTrouble(configuration) { return "\(directory)/config.json: \(trouble)" }
        let strange = names.keys.sorted().filter { name in
            name != "score.weight" && !Self.known.contains { name.hasPrefix($0) }
        }
        guard let shape = names["score.weight"] else {
            let kind = (configuration["architectures"] as? [String])?.first.map { "a \($0)" } ?? "this model"
            let found =
                strange.isEmpty ? "" : " (it has \(strange.prefix(3).map { "'\($0)'" }.joined(separator: ", ")))"
            return """
                \(directory) has no tensor 'score.weight'\(found): \(kind) is no reward model; give one that transformers \
                saved as ...ForSequenceClassification with num_labels=1, or add the stage reward_model
                """
        }
        if let rows = shape?.first, rows != 1 {
            return "\(directory): the tensor 'score.weight' has \(rows) rows, one for each label; \(Self.remedy)"
        }
        if let first = strange.first {
            return """
                \(directory) has the unexpected tensor '\(first)'; a reward model is a trunk and 'score.weight', as \
                transformers saves ...ForSequenceClassification
                """
        }
        return nil
    }

    private func labelTrouble(_ configuration: [String: Any]) -> String? {
        if let type = configuration["problem_type"] as? String, type != "regression" {
            return "'problem_type' is '\(type)'; \(Self.remedy), and problem_type null or regression"
        }
        if let labels = configuration["id2label"] as? [String: Any], labels.count != 1 {
            return "'id2label' names \(labels.count) labels; \(Self.remedy)"
        }
        if let count = configuration["num_labels"] as? Int, count != 1 {
            return "'num_labels' is \(count); \(Self.remedy)"
        }
        return nil
    }

    private struct Problem: Error { let message: String }

    /// Names with their shapes; a shape is nil where only an index of shards was read.
    private var tensors: Result<[String: [Int]?], Problem> {
        if Files.exists("\(directory)/model.safetensors") {
            guard let header = header("model.safetensors") else {
                return .failure(Problem(message: "\(directory)/model.safetensors is no safetensors file"))
            }
            var names: [String: [Int]?] = [:]
            for (name, entry) in header where name != "__metadata__" {
                names[name] = .some((entry as? [String: Any])?["shape"] as? [Int])
            }
            return .success(names)
        }
        let index = "model.safetensors.index.json"
        if Files.exists("\(directory)/\(index)") {
            guard let map = object(index)?["weight_map"] as? [String: String] else {
                return .failure(Problem(message: "\(directory)/\(index) holds no weight_map of names"))
            }
            return .success(map.mapValues { _ in nil })
        }
        let pickled = Files.exists("\(directory)/pytorch_model.bin")
        return .failure(
            Problem(
                message: pickled
                    ? "\(directory) has pickled weights only (pytorch_model.bin); save it as model.safetensors"
                    : "\(directory) holds no model.safetensors"))
    }

    private func object(_ name: String) -> [String: Any]? {
        FileManager.default.contents(atPath: "\(directory)/\(name)").flatMap(Self.object)
    }

    private static func object(_ data: Data) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
    }

    /// Eight bytes of length, little endian, then JSON.
    private func header(_ name: String) -> [String: Any]? {
        guard let handle = FileHandle(forReadingAtPath: "\(directory)/\(name)") else { return nil }
        defer { try? handle.close() }
        guard let start = try? handle.read(upToCount: 8), start.count == 8 else { return nil }
        let length = start.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(Self.largestHeader), let data = try? handle.read(upToCount: Int(length)),
            data.count == Int(length)
        else { return nil }
        return Self.object(data)
    }
}
