/// A part of the run file: its keys, their defaults, bounds and help stand in one list that serves reading, writing and
/// the reference page alike.
protocol ConfigurationSection: Sendable {
    init()
    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys)
}

/// What walks over the keys of a section: the reader of a file, or the writer of one.
protocol KeyVisitor {
    mutating func value<T: ScalarValue>(_ key: String, _ value: inout T, _ rule: Rule<T>, _ about: About)
    /// A value that `off` (or `null`) turns off.
    mutating func optional<T: ScalarValue>(_ key: String, _ value: inout T?, _ rule: Rule<T>, _ about: About)
    mutating func list<T: ScalarValue>(_ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ about: About)
    /// Keys and values that Skein passes on as they are; a JSON object, nil for none.
    mutating func mapping(_ key: String, _ json: inout String?, _ about: About)
    mutating func section<S: ConfigurationSection>(_ key: String, _ section: inout S, _ about: About)
    mutating func optionalSection<S: ConfigurationSection>(_ key: String, _ section: inout S?, _ about: About)
    mutating func sections<S: ConfigurationSection>(_ key: String, _ sections: inout [S], _ about: About)
}

/// What is said of a key beside its value and bounds.
struct About: Sendable {
    var help: String
    /// What becomes of another value when a run has made steps. Of a section: of whatever stands in it; nil: each key says it
    /// of itself, and one that does not is fixed.
    var change: KeyChange?
}

extension KeyVisitor {
    mutating func value<T: ScalarValue>(
        _ key: String, _ value: inout T, _ rule: Rule<T>, _ help: String, changes: KeyChange? = nil
    ) {
        self.value(key, &value, rule, About(help: help, change: changes))
    }

    mutating func value<T: ScalarValue>(
        _ key: String, _ value: inout T, _ help: String, changes: KeyChange? = nil
    ) {
        self.value(key, &value, .any, About(help: help, change: changes))
    }

    mutating func optional<T: ScalarValue>(
        _ key: String, _ value: inout T?, _ rule: Rule<T>, _ help: String, changes: KeyChange? = nil
    ) {
        optional(key, &value, rule, About(help: help, change: changes))
    }

    mutating func optional<T: ScalarValue>(
        _ key: String, _ value: inout T?, _ help: String, changes: KeyChange? = nil
    ) {
        optional(key, &value, .any, About(help: help, change: changes))
    }

    mutating func list<T: ScalarValue>(
        _ key: String, _ values: inout [T], _ rule: Rule<[T]>, _ help: String, changes: KeyChange? = nil
    ) {
        list(key, &values, rule, About(help: help, change: changes))
    }

    mutating func list<T: ScalarValue>(
        _ key: String, _ values: inout [T], _ help: String, changes: KeyChange? = nil
    ) {
        list(key, &values, .any, About(help: help, change: changes))
    }

    mutating func mapping(_ key: String, _ json: inout String?, _ help: String, changes: KeyChange? = nil) {
        mapping(key, &json, About(help: help, change: changes))
    }

    mutating func section<S: ConfigurationSection>(
        _ key: String, _ section: inout S, _ help: String, changes: KeyChange? = nil
    ) {
        self.section(key, &section, About(help: help, change: changes))
    }

    mutating func optionalSection<S: ConfigurationSection>(
        _ key: String, _ section: inout S?, _ help: String, changes: KeyChange? = nil
    ) {
        optionalSection(key, &section, About(help: help, change: changes))
    }

    mutating func sections<S: ConfigurationSection>(
        _ key: String, _ sections: inout [S], _ help: String, changes: KeyChange? = nil
    ) {
        self.sections(key, &sections, About(help: help, change: changes))
    }
}

/// The bounds of a value, and how to say them.
struct Rule<T>: Sendable {
    let says: String
    let holds: @Sendable (T) -> Bool

    static var any: Rule { Rule(says: "") { _ in true } }
}

extension Rule where T: Comparable & Sendable {
    static func atLeast(_ bound: T) -> Rule { Rule(says: "at least \(bound)") { $0 >= bound } }
    static func above(_ bound: T) -> Rule { Rule(says: "above \(bound)") { $0 > bound } }
    static func within(_ range: ClosedRange<T>) -> Rule {
        Rule(says: "from \(range.lowerBound) to \(range.upperBound)") { range.contains($0) }
    }
}

extension Rule where T == String {
    static var notEmpty: Rule { Rule(says: "not empty") { !$0.isEmpty } }
}

extension Rule {
    static func atLeastOne<Element: Sendable>() -> Rule where T == [Element] {
        Rule(says: "not empty") { !$0.isEmpty }
    }
}
