import Foundation

/// Typed access to config.json; every error names the key.
struct ConfigurationReader {
    let values: [String: JSON]
    /// What messages call the file, with the path down to nested objects.
    let source: String

    init(data: Data, source: String) throws {
        values = try JSON.read(data, source: source)
        self.source = source
    }

    init(values: [String: JSON], source: String) {
        self.values = values
        self.source = source
    }

    func bad(_ key: String, _ what: String) -> LanguageModelError {
        LanguageModelError(.configuration, "\(source): '\(key)' \(what)")
    }

    /// nil when absent or null.
    private func value(_ key: String) -> JSON? {
        guard let value = values[key], value != .null else { return nil }
        return value
    }

    func has(_ key: String) -> Bool { value(key) != nil }

    /// Whether the key is there and null: in some files that is not the same as absent.
    func isNull(_ key: String) -> Bool { values[key] == .null }

    /// A size or count, at least `least`.
    func integer(_ key: String, default fallback: Int? = nil, atLeast least: Int = 1) throws -> Int {
        guard let value = value(key) else {
            if let fallback { return fallback }
            throw bad(key, "is missing")
        }
        guard case .integer(let number) = value else { throw bad(key, "must be an integer") }
        guard number >= least, number <= 1 << 32 else { throw bad(key, "is \(number), which cannot be") }
        return number
    }

    func number(_ key: String, default fallback: Double? = nil) throws -> Double {
        switch value(key) {
        case .number(let number)?: return number
        case .integer(let number)?: return Double(number)
        case nil:
            if let fallback { return fallback }
            throw bad(key, "is missing")
        default: throw bad(key, "must be a number")
        }
    }

    /// A number above 0.
    func positive(_ key: String, default fallback: Double? = nil) throws -> Double {
        let value = try number(key, default: fallback)
        guard value > 0, value.isFinite else { throw bad(key, "must be above 0") }
        return value
    }

    func bool(_ key: String, default fallback: Bool) throws -> Bool {
        switch value(key) {
        case .bool(let flag)?: return flag
        case nil: return fallback
        default: throw bad(key, "must be true or false")
        }
    }

    func string(_ key: String, default fallback: String? = nil) throws -> String {
        switch value(key) {
        case .string(let text)?: return text
        case nil:
            if let fallback { return fallback }
            throw bad(key, "is missing")
        default: throw bad(key, "must be a string")
        }
    }

    /// A list of strings; nil when absent.
    func strings(_ key: String) throws -> [String]? {
        guard let value = value(key) else { return nil }
        guard case .array(let items) = value else { throw bad(key, "must be a list") }
        return try items.map { item in
            guard case .string(let text) = item else { throw bad(key, "must hold strings") }
            return text
        }
    }

    /// A list of numbers above 0; nil when absent.
    func numbers(_ key: String) throws -> [Double]? {
        guard let value = value(key) else { return nil }
        guard case .array(let items) = value else { throw bad(key, "must be a list of numbers") }
        return try items.map { item in
            let number: Double
            switch item {
            case .number(let value): number = value
            case .integer(let value): number = Double(value)
            default: throw bad(key, "must hold numbers")
            }
            guard number > 0, number.isFinite else { throw bad(key, "must hold numbers above 0") }
            return number
        }
    }

    /// A nested object; nil when absent.
    func object(_ key: String) throws -> ConfigurationReader? {
        switch value(key) {
        case .object(let values)?: return ConfigurationReader(values: values, source: "\(source): \(key)")
        case nil: return nil
        default: throw bad(key, "must be an object")
        }
    }

    /// One token id or a list of them; empty when absent. Negative ones, which some published files have for "none",
    /// are left out.
    func tokenIDs(_ key: String) throws -> [Int32] {
        let list: [JSON]
        switch value(key) {
        case nil: return []
        case .integer(let one)?: list = [.integer(one)]
        case .array(let many)?: list = many.filter { $0 != .null }
        default: throw bad(key, "must be a token id or a list of them")
        }
        return try list.compactMap { item in
            guard case .integer(let id) = item else { throw bad(key, "must hold integers") }
            if id < 0 { return nil }
            guard let small = Int32(exactly: id) else { throw bad(key, "is \(id), which is no token id") }
            return small
        }
    }
}
