import Foundation
import Yams

/// The only place that knows Yams.
enum YAMLTree {
    /// Levels of a run file; deeper ones are no run file and would cost the reader its stack.
    static let deepest = 64
    /// Nodes of a run file, aliases counted each time: a few lines of aliases can stand for billions.
    static let most = 100_000

    /// - Parameter source: file name, or the override; with `columns` each place also has line and column.
    static func parse(_ text: String, source: String, columns: Bool) throws -> ConfigNode? {
        guard mayUnfold(text) else {
            throw ConfigurationError(.syntax, "aliases make it too large", place: source)
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text, .basic)
        } catch let error as YamlError {
            throw ConfigurationError(.syntax, [problem(error, source: source)])
        }
        guard let node else { return nil }
        var left = most
        return try convert(node, source: source, columns: columns, depth: 0, left: &left)
    }

    /// Nodes that aliases may stand for while the file is parsed: Yams looks at all that are in a key, each time.
    private static let mostUnfolded = 1e7

    /// Whether the aliases of a text stand for no more than that. Of texts in quotes some are taken for aliases too, so the
    /// bound is far above what a run file has: a anchors and b aliases stand for at most (b / a + 1)^a nodes each.
    private static func mayUnfold(_ text: String) -> Bool {
        var (anchors, aliases) = (0.0, 0.0)
        var before = UInt8(ascii: " ")
        for byte in text.utf8 {
            let startsWord = " \n\r\t[{,".utf8.contains(before)
            if startsWord, byte == UInt8(ascii: "&") { anchors += 1 }
            if startsWord, byte == UInt8(ascii: "*") { aliases += 1 }
            before = byte
        }
        guard anchors > 0 else { return true }
        return anchors * log2(aliases / anchors + 1) <= log2(mostUnfolded)
    }

    private static func convert(
        _ node: Node, source: String, columns: Bool, depth: Int, left: inout Int
    ) throws -> ConfigNode {
        let place = columns ? node.mark.map { "\(source):\($0.line):\($0.column)" } ?? source : source
        left -= 1
        guard depth < deepest, left > 0 else {
            throw ConfigurationError(.syntax, "this is nested too deep, or aliases make it too large", place: place)
        }
        switch node {
        case .scalar(let scalar):
            return ConfigNode(content: .scalar(scalar.string, plain: isPlain(scalar)), place: place)
        case .sequence(let sequence):
            let items = try sequence.map {
                try convert($0, source: source, columns: columns, depth: depth + 1, left: &left)
            }
            return ConfigNode(content: .list(items), place: place)
        case .mapping(let mapping):
            let entries = try mapping.map { key, value in
                guard case .scalar(let word) = key else {
                    throw ConfigurationError(.syntax, "a key must be a word", place: place)
                }
                let keyPlace = columns ? key.mark.map { "\(source):\($0.line):\($0.column)" } ?? place : source
                let value = try convert(value, source: source, columns: columns, depth: depth + 1, left: &left)
                return ConfigNode.Entry(key: word.string, place: keyPlace, value: value)
            }
            return ConfigNode(content: .mapping(entries), place: place)
        case .alias:
            throw ConfigurationError(.syntax, "this alias names nothing", place: place)
        }
    }

    private static func isPlain(_ scalar: Node.Scalar) -> Bool {
        switch scalar.style {
        case .plain, .any: true
        case .singleQuoted, .doubleQuoted, .literal, .folded: false
        }
    }

    /// What the parser's words mean for somebody who has written a run file.
    private static func hint(_ problem: String) -> String {
        switch problem {
        case let text where text.contains("mapping values are not allowed"):
            "; the keys of one section start in the same column, and a text with ': ' in it needs quotes"
        case let text where text.contains("cannot start any token"):
            "; indentation is made of spaces, not tabs, and a text that begins with @, ` or % needs quotes"
        default: ""
        }
    }

    private static func problem(_ error: YamlError, source: String) -> ConfigurationError.Problem {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let around = context.map { " (\($0.text))" } ?? ""
            return .init(
                place: "\(source):\(mark.line):\(mark.column)", key: "",
                message: "not valid YAML: \(problem)\(around)\(hint(problem))")
        case .reader(let problem, let offset, _, _):
            return .init(place: source, key: "", message: "not valid YAML: \(problem) at byte \(offset ?? 0)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return .init(
                place: "\(source):\(context.mark.line):\(context.mark.column)", key: "",
                message: "the same key stands twice: \(duplicates.map { "\($0)" }.sorted().joined(separator: ", "))")
        default:
            return .init(place: source, key: "", message: "not valid YAML: \(error)")
        }
    }
}
