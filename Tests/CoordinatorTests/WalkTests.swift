import Foundation
import Testing

/// The walk of one rollout in ARCHITECTURE.md: short enough to be read, and true.
@Suite struct WalkTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct Step: Hashable {
        var type: String
        var name: String
        var labels: [String]
    }

    private static func walk() throws -> [Step] {
        let text = try String(contentsOf: root.appending(path: "ARCHITECTURE.md"), encoding: .utf8)
        let section = try #require(
            text.components(separatedBy: "### The same, function by function\n").dropFirst().first
        )
        .components(separatedBy: "\n## ")[0]
        return section.matches(of: /`(\w+)\.(\w+)\(((?:\w+:)*)\)`/).map {
            Step(type: String($0.1), name: String($0.2), labels: $0.3.split(separator: ":").map(String.init))
        }
    }

    @Test func itNamesAtMostFortyFunctionsThatExist() throws {
        let steps = try Self.walk()
        #expect((20...40).contains(steps.count))
        #expect(Set(steps).count == steps.count)
        let found = try Self.functions()
        for step in steps {
            #expect(found.contains(step), "\(step.type).\(step.name)(\(step.labels.map { $0 + ":" }.joined()))")
        }
    }

    /// Every function of the sources, with the types that the file declares or extends.
    private static func functions() throws -> Set<Step> {
        var found: Set<Step> = []
        let files = try #require(
            FileManager.default.enumerator(at: root.appending(path: "Sources"), includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            let types = text.matches(of: /\b(?:struct|class|actor|enum|protocol|extension) (\w+)/).map { String($0.1) }
            for match in text.matches(of: /\bfunc (\w+)(?:<[^(]*>)?\(/) {
                let labels = labels(text[match.range.upperBound...])
                for type in Set(types) { found.insert(Step(type: type, name: String(match.1), labels: labels)) }
            }
        }
        return found
    }

    /// The first words of the parameters, up to the bracket that closes them.
    private static func labels(_ text: Substring) -> [String] {
        var labels: [String] = []
        var word = ""
        var (depth, isAtLabel) = (0, true)
        for character in text {
            switch character {
            case "(", "[", "{": depth += 1
            case ")" where depth == 0: return labels
            case ")", "]", "}": depth -= 1
            case "," where depth == 0: (word, isAtLabel) = ("", true)
            case " ", "\n", ":":
                if isAtLabel, !word.isEmpty {
                    labels.append(word)
                    isAtLabel = false
                }
            default: if isAtLabel { word.append(character) }
            }
        }
        return labels
    }
}
