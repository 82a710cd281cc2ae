/// Every key of a section with its path and its value as a run file has it.
struct KeyLister: KeyVisitor {
    struct Entry: Sendable, Equatable {
        var key: String
        var value: String
        /// Whether other keys stand under it.
        var isSection = false
    }

    private let path: String
    private(set) var entries: [Entry] = []

    private init(path: String) { self.path = path }

    static func list(_ configuration: RunConfiguration) -> [Entry] {
        var lister = KeyLister(path: "")
        var copy = configuration
        copy.visit(&lister)
        return lister.entries
    }

    mutating func value<T: ScalarValue>(_ key: String, _ value: inout T, _ rule: Rule<T>, _ help: String) {
        add(key, Self.written(value))
    }

    mutating func optional<T: ScalarValue>(_ key: String, _ value: inout T?, _ rule: Rule<T>, _ help: String) {
        add(key, value.map(Self.written) ?? "off")
    }

    mutating func list<T: ScalarValue>(_ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ help: String) {
        add(key, "[\(values.map(Self.written).joined(separator: ", "))]")
    }

    mutating func mapping(_ key: String, _ json: inout String?, _ help: String) { add(key, json ?? "off") }

    mutating func section<S: ConfigurationSection>(_ key: String, _ section: inout S, _ help: String) {
        nest(full(key), &section)
    }

    mutating func optionalSection<S: ConfigurationSection>(_ key: String, _ section: inout S?, _ help: String) {
        entries.append(Entry(key: full(key), value: section == nil ? "off" : "set", isSection: true))
        guard var present = section else { return }
        nest(full(key), &present)
    }

    mutating func sections<S: ConfigurationSection>(_ key: String, _ sections: inout [S], _ help: String) {
        entries.append(Entry(key: full(key), value: "a list of \(sections.count)", isSection: true))
        for index in sections.indices { nest("\(full(key)).\(index)", &sections[index]) }
    }

    private mutating func nest<S: ConfigurationSection>(_ path: String, _ section: inout S) {
        var inner = KeyLister(path: path)
        section.visit(&inner)
        entries += inner.entries
    }

    private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
    private mutating func add(_ key: String, _ value: String) {
        entries.append(Entry(key: full(key), value: value))
    }

    private static func written<T: ScalarValue>(_ value: T) -> String {
        value.written.isEmpty ? "\"\"" : value.written
    }
}

extension RunConfiguration {
    /// Every key that a run file may have, with optional sections and each kind of reward in it.
    static let everyKey: [String] = {
        var seen: Set<String> = []
        return KeyLister.list(.example).map { KeyChange.pattern($0.key) }.filter { seen.insert($0).inserted }
    }()

    /// The same, with every section above a key.
    static let everyPath: [String] = {
        var seen: Set<String> = []
        return everyKey.flatMap { key in
            let parts = key.split(separator: ".")
            return (1...parts.count).map { parts.prefix($0).joined(separator: ".") }
        }.filter { seen.insert($0).inserted }
    }()
}
