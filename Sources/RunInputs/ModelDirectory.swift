import Foundation

/// Which files of a Hugging Face directory decide what a model computes, reads, writes and says.
package enum ModelDirectory {
    /// All but the shards that an index lists.
    package static let names = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "chat_template.jinja",
        "chat_template.json", "model.safetensors", "reward_head.safetensors", "value_head.safetensors", "reward.json",
        "adapter_config.json", "adapter_model.safetensors",
    ]
    private static let index = "model.safetensors.index.json"
    private static let templates = "additional_chat_templates"

    /// Names of those that are there, sorted. Where one file of weights stands beside an index, it alone is read, so
    /// index and shards do not count.
    package static func files(_ directory: String) -> [String] {
        func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(directory)/\(name)") }
        var found = Set(names.filter(isThere))
        if !found.contains("model.safetensors"), isThere(index) {
            found.insert(index)
            found.formUnion(shards(directory).filter(isThere))
        }
        let templates = try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(templates)")
        found.formUnion((templates ?? []).filter { $0.hasSuffix(".jinja") }.map { "\(Self.templates)/\($0)" })
        return found.sorted()
    }

    private static func shards(_ directory: String) -> [String] {
        struct Index: Decodable { var weight_map: [String: String] }
        guard let data = FileManager.default.contents(atPath: "\(directory)/\(index)"),
            let read = try? JSONDecoder().decode(Index.self, from: data)
        else { return [] }
        return Set(read.weight_map.values).filter { !$0.contains("/") }
    }
}
