/// Looks whether each value of a section is within the bounds of its key, wherever the value comes from.
struct RangeChecker: KeyVisitor {
    private let path: String
    private(set) var problems: Problems

    /// - Parameter path: of the section.
    init(path: String, _ problems: Problems) {
        self.path = path
        self.problems = problems
    }

    mutating func value<T: ScalarValue>(_ key: String, _ value: inout T, _ rule: Rule<T>, _ about: About) {
        let isNumber = (value as? Double)?.isFinite ?? true
        guard !rule.holds(value) || !isNumber else { return }
        report(key, isNumber ? rule.says : T.kind, value.written)
    }

    mutating func optional<T: ScalarValue>(_ key: String, _ value: inout T?, _ rule: Rule<T>, _ about: About) {
        guard var present = value else { return }
        self.value(key, &present, rule, about)
    }

    mutating func list<T: ScalarValue>(_ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ about: About) {
        if !rule.holds(values) { report(key, rule.says, "[\(values.map(\.written).joined(separator: ", "))]") }
    }

    mutating func mapping(_ key: String, _ json: inout String?, _ about: About) {}

    mutating func section<S: ConfigurationSection>(_ key: String, _ section: inout S, _ about: About) {
        var inner = RangeChecker(path: "\(path).\(key)", problems)
        section.visit(&inner)
        problems = inner.problems
    }

    mutating func optionalSection<S: ConfigurationSection>(_ key: String, _ section: inout S?, _ about: About) {
        guard var present = section else { return }
        self.section(key, &present, about)
    }

    mutating func sections<S: ConfigurationSection>(_ key: String, _ sections: inout [S], _ about: About) {
        for index in sections.indices { section("\(key).\(index)", &sections[index], about) }
    }

    private mutating func report(_ key: String, _ says: String, _ value: String) {
        problems.add("\(path).\(key)", "must be \(says), not \(value)")
    }
}

extension ConfigurationSection {
    /// - Parameters:
    ///   - path: of the section in a run file.
    ///   - rules: what must hold between its keys.
    func check(_ path: String, _ rules: (inout Problems) -> Void = { _ in }) throws {
        var checker = RangeChecker(path: path, Problems(places: KeyPlaces()))
        var copy = self
        copy.visit(&checker)
        var problems = checker.problems
        rules(&problems)
        guard problems.found.isEmpty else { throw ConfigurationError(.rule, problems.found) }
    }
}

// For values that no file gave. Those of a file are within their bounds once it is read.
extension PPOSection {
    /// - Throws: an error that names every key that is out of its bounds, or that another key rules out.
    package func check() throws { try check("ppo") { checkKeys(&$0) } }
}

extension RolloutSection {
    /// - Throws: an error that names every key that is out of its bounds.
    package func check() throws { try check("rollout") }
}
