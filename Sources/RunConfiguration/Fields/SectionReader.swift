/// Problems found so far, and where keys stood; shared by the readers of all sections of one file.
final class ReadingLog {
    var problems: [ConfigurationError.Problem] = []
    var places: [String: String] = [:]
}

/// Fills a section from a mapping and reports what does not fit. Goes on after each problem, so that all are found.
struct SectionReader: KeyVisitor {
    private static let mostSuggestions = 100

    private let path: String
    private let entries: [ConfigNode.Entry]
    private let log: ReadingLog
    private var known: [String] = []

    private init(path: String, entries: [ConfigNode.Entry], log: ReadingLog) {
        self.path = path
        self.entries = entries
        self.log = log
    }

    /// - Parameter path: key path of the section, empty for the whole file.
    static func read<S: ConfigurationSection>(_ section: inout S, from node: ConfigNode, path: String, log: ReadingLog)
    {
        log.places[path] = node.place
        if node.isNothing { return }
        guard case .mapping(let entries) = node.content else {
            log.problems.append(
                .init(place: node.place, key: path, message: "must be a mapping of keys to values, not \(node.kind)"))
            return
        }
        var reader = SectionReader(path: path, entries: entries, log: log)
        section.visit(&reader)
        reader.reportUnknownKeys()
    }

    mutating func value<T: ScalarValue>(_ key: String, _ value: inout T, _ rule: Rule<T>, _ about: About) {
        guard let node = node(of: key), let parsed: T = scalar(node, key), keep(parsed, rule, node, key) else { return }
        value = parsed
    }

    mutating func optional<T: ScalarValue>(_ key: String, _ value: inout T?, _ rule: Rule<T>, _ about: About) {
        guard let node = node(of: key) else { return }
        if node.isOff {
            value = nil
        } else if let parsed: T = scalar(node, key, orOff: true), keep(parsed, rule, node, key) {
            value = parsed
        }
    }

    mutating func list<T: ScalarValue>(_ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ about: About) {
        guard let node = node(of: key) else { return }
        guard case .list(let items) = node.content else {
            report(node, key, "must be a list of values, each \(T.kind), not \(node.kind)")
            return
        }
        let parsed: [T] = items.enumerated().compactMap { scalar($1, "\(key).\($0)") }
        if parsed.count == items.count, keep(parsed, rule, node, key) { values = parsed }
    }

    mutating func mapping(_ key: String, _ json: inout String?, _ about: About) {
        guard let node = node(of: key) else { return }
        switch node.content {
        case .mapping(let entries): json = entries.isEmpty ? nil : OpenMapping.json(node)
        case _ where node.isOff: json = nil
        default: report(node, key, "must be a mapping of keys to values, not \(node.kind)")
        }
    }

    mutating func section<S: ConfigurationSection>(_ key: String, _ section: inout S, _ about: About) {
        guard let node = node(of: key) else { return }
        SectionReader.read(&section, from: node, path: full(key), log: log)
    }

    mutating func optionalSection<S: ConfigurationSection>(_ key: String, _ section: inout S?, _ about: About) {
        guard let node = node(of: key) else { return }
        guard !node.isOff else {
            section = nil
            return
        }
        var filled = section ?? S()
        SectionReader.read(&filled, from: node, path: full(key), log: log)
        section = filled
    }

    mutating func sections<S: ConfigurationSection>(_ key: String, _ sections: inout [S], _ about: About) {
        guard let node = node(of: key) else { return }
        guard case .list(let items) = node.content else {
            report(node, key, "must be a list of mappings, not \(node.kind)")
            return
        }
        sections = items.enumerated().map { index, item in
            var section = S()
            SectionReader.read(&section, from: item, path: "\(full(key)).\(index)", log: log)
            return section
        }
    }

    private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private mutating func node(of key: String) -> ConfigNode? {
        known.append(key)
        guard let entry = entries.first(where: { $0.key == key }) else { return nil }
        log.places[full(key)] = entry.value.place
        return entry.value
    }

    private func scalar<T: ScalarValue>(_ node: ConfigNode, _ key: String, orOff: Bool = false) -> T? {
        guard case .scalar(let text, let plain) = node.content else {
            report(node, key, "must be \(T.kind), not \(node.kind)")
            return nil
        }
        if let value = T.parse(text, plain: plain) { return value }
        var message = "must be \(T.kind)\(orOff ? ", or off" : ""), not \(node.kind)"
        if !plain, T.choices.isEmpty, T.self != String.self { message += " in quotes" }
        let isOneOfFew = log.problems.count < Self.mostSuggestions
        let near = isOneOfFew ? Suggestion.nearest(to: text, among: T.choices) : nil
        report(node, key, message, suggestion: near.map { "did you mean '\($0)'?" })
        return nil
    }

    private func keep<T>(_ value: T, _ rule: Rule<T>, _ node: ConfigNode, _ key: String) -> Bool {
        if rule.holds(value) { return true }
        report(node, key, "must be \(rule.says), not \(node.kind)")
        return false
    }

    private func report(_ node: ConfigNode, _ key: String, _ message: String, suggestion: String? = nil) {
        log.problems.append(.init(place: node.place, key: full(key), message: message, suggestion: suggestion))
    }

    private func reportUnknownKeys() {
        for (index, entry) in entries.enumerated() where !known.contains(entry.key) {
            // A file with so many is no run file, and each suggestion compares with every key there is.
            guard log.problems.count < Self.mostSuggestions else {
                log.problems.append(.init(place: entry.place, key: full(entry.key), message: "unknown key"))
                continue
            }
            let suggestion =
                Misplaced.hint(entry.key, in: path, after: entries[..<index])
                ?? Suggestion.nearest(to: entry.key, among: known).map { "did you mean '\($0)'?" }
                ?? "known here: \(known.joined(separator: ", "))"
            log.problems.append(
                .init(place: entry.place, key: full(entry.key), message: "unknown key", suggestion: suggestion))
        }
    }
}

/// The word someone meant.
enum Suggestion {
    /// The candidate at the least distance; nil when none is close.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let letters = Array(word.lowercased().unicodeScalars.prefix(64))
        let best = candidates.map { ($0, distance(letters, Array($0.unicodeScalars))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= max(1, min(letters.count, best.0.count) / 3) else { return nil }
        return best.0
    }

    /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count {
            for j in 0...b.count {
                if i == 0 || j == 0 {
                    rows[i][j] = i + j
                    continue
                }
                let same = a[i - 1] == b[j - 1]
                var least = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    least = min(least, rows[i - 2][j - 2] + 1)
                }
                rows[i][j] = least
            }
        }
        return rows[a.count][b.count]
    }
}
