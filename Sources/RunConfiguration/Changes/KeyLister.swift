/// Every key of a section with its path and its value as a run file has it.
struct KeyLister: KeyVisitor {
    struct Entry: Sendable, Equatable {
        var key: String
        var value: String
        /// Whether other keys stand under it.
        var isSection = false
        var change = KeyChange.fixed
    }

    private let path: String
    /// What the section above says of all its keys.
    private let change: KeyChange?
    private(set) var entries: [Entry] = []

    private init(path: String, change: KeyChange? = nil) {
        self.path = path
        self.change = change
    }

    static func list(_ configuration: RunConfiguration) -> [Entry] {
        var lister = KeyLister(path: "")
        var copy = configuration
        copy.visit(&lister)
        return lister.entries
    }

    mutating func value<T: ScalarValue>(_ key: String, _ value: inout T, _ rule: Rule<T>, _ about: About) {
        add(key, Self.written(value), about)
    }

    mutating func optional<T: ScalarValue>(_ key: String, _ value: inout T?, _ rule: Rule<T>, _ about: About) {
        add(key, value.map(Self.written) ?? "off", about)
    }

    mutating func list<T: ScalarValue>(_ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ about: About) {
        add(key, "[\(values.map(Self.written).joined(separator: ", "))]", about)
    }

    mutating func mapping(_ key: String, _ json: inout String?, _ about: About) {
        add(key, json ?? "off", about)
    }

    mutating func section<S: ConfigurationSection>(_ key: String, _ section: inout S, _ about: About) {
        nest(full(key), &section, about)
    }

    mutating func optionalSection<S: ConfigurationSection>(_ key: String, _ section: inout S?, _ about: About) {
        add(key, section == nil ? "off" : "set", about, isSection: true)
        guard var present = section else { return }
        nest(full(key), &present, about)
    }

    mutating func sections<S: ConfigurationSection>(_ key: String, _ sections: inout [S], _ about: About) {
        add(key, "a list of \(sections.count)", about, isSection: true)
        for index in sections.indices { nest("\(full(key)).\(index)", &sections[index], about) }
    }

    private mutating func nest<S: ConfigurationSection>(_ path: String, _ section: inout S, _ about: About) {
        var inner = KeyLister(path: path, change: change ?? about.change)
        section.visit(&inner)
        entries += inner.entries
    }

    private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
    private mutating func add(_ key: String, _ value: String, _ about: About, isSection: Bool = false) {
        entries.append(
            Entry(
                key: full(key), value: value, isSection: isSection, change: change ?? about.change ?? .fixed))
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
