import Foundation
import Testing

@testable import RunConfiguration

/// Where the names of keys stand in the code. Reads the sources of the checkout.
@Suite struct KeyNameTests {
    private static let sources: [(name: String, text: String)] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let files = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
        return files.filter { $0.hasSuffix(".swift") && !$0.hasPrefix("SkeinProto/") }.sorted().compactMap { name in
            (try? String(contentsOf: root.appending(path: name), encoding: .utf8)).map { (name, $0) }
        }
    }()

    /// Formats of others have words of ours too: files of Hugging Face, columns and counts of data, alarms, and the names
    /// of stages in a report, which knows no run file.
    private static let elsewhere: [String: Set<String>] = [
        "case_sensitive": ["Tokenizers"], "chat_template": ["Tokenizers"],
        "template_arguments": ["Datasets", "Tokenizers"], "too_long": ["Datasets"],
        "kl_budget": ["PolicyOptimization", "Reports"], "reward_model": ["Reports"],
    ]

    /// A key is written once for each section that declares it. Keys of one plain word, such as `steps`, are words of much
    /// else and are left out.
    @Test func keysAreQuotedInTheirDeclarationsAlone() throws {
        #expect(Self.sources.count > 100, "the checkout has no Sources")
        let keys = Set(RunConfiguration.everyKey.compactMap { $0.split(separator: ".").last.map(String.init) })
            .filter { $0.contains("_") }
        #expect(keys.count > 60)
        var places: [String: [String]] = [:]
        var declared: [String: Int] = [:]
        for (name, text) in Self.sources {
            let target = String(name.prefix { $0 != "/" })
            for match in text.matches(of: /"([a-z0-9_]+)"/) {
                let word = String(match.1)
                guard keys.contains(word), Self.elsewhere[word]?.contains(target) != true else { continue }
                places[word, default: []].append(name)
            }
            let visits = /keys\.(?:value|optional|list|mapping|section|optionalSection|sections)\(\s*"([a-z0-9_]+)"/
            for match in text.matches(of: visits) { declared[String(match.1), default: 0] += 1 }
        }
        for key in keys.sorted() {
            let found = places[key] ?? []
            #expect(found.count == max(1, declared[key] ?? 0), "the key \(key) is written in \(found)")
        }
    }

    /// Messages and help name keys by their paths: each of them must be there.
    @Test func everyPathInATextIsAKey() throws {
        let known = Set(RunConfiguration.everyPath)
        let path =
            /(?:^|[^A-Za-z0-9_.\/$(\\])((?:ppo|rollout|models|data|evaluation|coordinator|start|roles|schedule|sft|pretrain|reward_model)(?:\.[a-z0-9_]+)+)(?![A-Za-z0-9_(\/])/
        let literal = /"(?:\\.|[^"\\])*"/
        let interpolation = /\\\((?:\((?:\([^()]*\)|[^()])*\)|[^()])*\)/
        var count = 0
        for (name, text) in Self.sources {
            var isInBlock = false
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let isEdge = line.contains("\"\"\"")
                defer { if isEdge { isInBlock.toggle() } }
                guard !isEdge, !line.drop(while: { $0 == " " }).hasPrefix("//") else { continue }
                let texts = isInBlock ? [line] : line.matches(of: literal).map { line[$0.range] }
                for text in texts where text.contains(".") {
                    // Between \( and ) is code.
                    for match in text.replacing(interpolation, with: "*").matches(of: path) {
                        let key = KeyChange.pattern(String(match.1))
                        guard !key.hasSuffix(".json"), !key.hasSuffix(".jsonl") else { continue }
                        count += 1
                        #expect(known.contains(key), "Sources/\(name):\(number + 1) names \(key), which is no key")
                    }
                }
            }
        }
        #expect(count > 100)
    }
}
