import Foundation

enum SeedTokenizers {
    /// Fixtures of `TokenizersTests` with the first tokens of their vocabularies alone, those that can be read then.
    static func files() throws -> [String: [UInt8]] {
        var seeds: [String: [UInt8]] = [:]
        let folder = "Tests/TokenizersTests/Fixtures"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        where name.hasSuffix(".tokenizer.json") {
            let data = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
            guard var root = try JSONSerialization.jsonObject(with: data) as? [String: Any] else { continue }
            cut(&root)
            let settings = try Seeds.json([
                "tokenizer_class": "LlamaTokenizer", "chat_template": "{{ messages[0].content }}",
            ])
            seeds[String(name.dropLast(".tokenizer.json".count))] = Seeds.join([
                try Seeds.json(root), Array("Hello, world 12".utf8), settings,
            ])
        }
        return seeds
    }

    private static func cut(_ root: inout [String: Any], to count: Int = 40) {
        var names: Set<String> = []
        if let added = root["added_tokens"] as? [[String: Any]] {
            names = Set(added.prefix(3).compactMap { $0["content"] as? String })
            root["added_tokens"] = Array(added.prefix(3))
        }
        guard var model = root["model"] as? [String: Any] else { return }
        if let vocabulary = model["vocab"] as? [String: Int] {
            // Numbered anew: ids without a gap.
            let special = [model["unk_token"] as? String].compactMap { $0 } + names
            let kept = vocabulary.sorted { $0.value < $1.value }.map(\.key)
            let first = (special.filter { vocabulary[$0] != nil } + kept.filter { !special.contains($0) }).prefix(count)
            model["vocab"] = Dictionary(first.enumerated().map { ($1, $0) }) { old, _ in old }
            let known = Set(first)
            model["merges"] = (model["merges"] as? [Any] ?? []).filter { merge in
                let pair = merge as? [String] ?? (merge as? String)?.components(separatedBy: " ") ?? []
                return pair.count == 2 && known.isSuperset(of: [pair[0], pair[1], pair[0] + pair[1]])
            }
        } else if let pieces = model["vocab"] as? [[Any]] {
            model["vocab"] = Array(pieces.prefix(count))
        }
        root["model"] = model
        // A table of several kilobytes is one value to a fuzzer.
        if let normalizer = root["normalizer"] as? [String: Any],
            let steps = normalizer["normalizers"] as? [[String: Any]]
        {
            root["normalizer"] = [
                "type": "Sequence", "normalizers": steps.filter { $0["type"] as? String != "Precompiled" },
            ]
        }
    }

    static var patterns: [String: [UInt8]] {
        Seeds.named([
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#,
            #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#,
            #"[\p{P}$+<=>^`|~]|[a-z&&[^b-d]]{2,4}?"#, #"\x{4E00}-\x{9FFF}|(?<=a)b|\bword\b|(?:x|y)*z"#, "", "a*", "|",
        ])
    }

    static func templates() throws -> [String: [UInt8]] {
        guard
            let root = try JSONSerialization.jsonObject(
                with: try Seeds.fixture("TokenizersTests/Fixtures/chat.json")) as? [String: Any],
            let families = root["families"] as? [[String: Any]], let snippets = root["snippets"] as? [[String: Any]],
            let variables = root["variables"]
        else { return [:] }
        var seeds: [String: [UInt8]] = [:]
        for family in families {
            if let name = family["name"] as? String, let text = family["template"] as? String {
                seeds[name] = Array(text.utf8)
            }
        }
        // Many small ones, a few to a seed.
        let texts = snippets.compactMap { $0["template"] as? String }
        for (place, start) in stride(from: 0, to: texts.count, by: 12).enumerated() {
            let text = texts[start..<min(start + 12, texts.count)].joined(separator: "\n")
            seeds["snippets-\(place)"] = Seeds.join([Array(text.utf8), try Seeds.json(variables)])
        }
        return seeds
    }
}
