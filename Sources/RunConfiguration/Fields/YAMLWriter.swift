/// Writes a section as YAML, every key in its order, with its help as a comment if wanted.
struct YAMLWriter: KeyVisitor {
    private let indentation: Int
    private let comments: Bool
    private(set) var lines: [String] = []

    init(indentation: Int = 0, comments: Bool) {
        self.indentation = indentation
        self.comments = comments
    }

    /// A section as a text of its own.
    static func text<S: ConfigurationSection>(of section: S, comments: Bool = false) -> String {
        var writer = YAMLWriter(comments: comments)
        var copy = section
        copy.visit(&writer)
        return writer.lines.joined(separator: "\n") + "\n"
    }

    mutating func value<T: ScalarValue>(_ key: String, _ value: inout T, _ rule: Rule<T>, _ about: About) {
        comment(about.help, rule.says, T.choices)
        line("\(key): \(Self.word(value))")
    }

    mutating func optional<T: ScalarValue>(_ key: String, _ value: inout T?, _ rule: Rule<T>, _ about: About) {
        comment(about.help, rule.says.isEmpty ? "or off" : "\(rule.says), or off", T.choices)
        line("\(key): \(value.map(Self.word) ?? "off")")
    }

    mutating func list<T: ScalarValue>(_ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ about: About) {
        comment(about.help, rule.says, T.choices)
        line("\(key): [\(values.map(Self.word).joined(separator: ", "))]")
    }

    mutating func mapping(_ key: String, _ json: inout String?, _ about: About) {
        comment(about.help, "a mapping, or off", [])
        // JSON is YAML too.
        line("\(key): \(json ?? "off")")
    }

    mutating func section<S: ConfigurationSection>(_ key: String, _ section: inout S, _ about: About) {
        comment(about.help, "", [])
        line("\(key):")
        nest(&section, by: 2)
    }

    mutating func optionalSection<S: ConfigurationSection>(_ key: String, _ section: inout S?, _ about: About) {
        guard var present = section else {
            comment(about.help, "or off", [])
            line("\(key): off")
            return
        }
        // Every one of them is off unless the file has it.
        var about = about
        if comments { about.help += " Off by default; what follows is an example." }
        self.section(key, &present, about)
    }

    mutating func sections<S: ConfigurationSection>(_ key: String, _ sections: inout [S], _ about: About) {
        comment(
            sections.isEmpty ? about.help : "\(about.help) Empty by default; the entries are examples.", "a list", [])
        guard !sections.isEmpty else {
            line("\(key): []")
            return
        }
        line("\(key):")
        for var section in sections {
            line("  -")
            nest(&section, by: 4)
        }
    }

    private mutating func nest<S: ConfigurationSection>(_ section: inout S, by columns: Int) {
        var inner = YAMLWriter(indentation: indentation + columns, comments: comments)
        section.visit(&inner)
        lines += inner.lines
    }

    private mutating func line(_ text: String) {
        lines.append(String(repeating: " ", count: indentation) + text)
    }

    private mutating func comment(_ help: String, _ bounds: String, _ choices: [String]) {
        guard comments else { return }
        let details = [choices.joined(separator: ", "), bounds].filter { !$0.isEmpty }.joined(separator: "; ")
        line("# \(help)\(details.isEmpty ? "" : " (\(details))")")
    }

    private static func word<T: ScalarValue>(_ value: T) -> String {
        guard let text = value as? String else { return value.written }
        let bare = text.utf8.allSatisfy { byte in
            byte >= 0x80 || (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                || "/._-".utf8.contains(byte)
        }
        // A bare word must come back as the same text, and not as a number or as nothing.
        let safe = bare && text.unicodeScalars.first.map { $0.properties.isAlphabetic || $0 == "/" } == true
        let reserved = ["null", "off", "none", "true", "false", "yes", "no", "on", "y", "n"].contains(text.lowercased())
        return safe && !reserved ? text : quoted(text)
    }

    /// Double quotes, with YAML's escapes.
    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            default:
                if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                    || [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
                {
                    let digits = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}
