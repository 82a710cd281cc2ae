/// One object of tokenizer.json, read by key, with the path for errors ("tokenizer.json: model.merges[3]").
struct JSONSection {
    let path: String
    let members: [JSONValue.Member]

    init(_ value: JSONValue, path: String) throws(TokenizerError) {
        guard case .object(let members) = value else {
            throw TokenizerError(.format, "\(path) is \(value.typeName), expected an object")
        }
        self.path = path
        self.members = members
    }

    /// The `type` of a component, needed before its other keys can be judged.
    func type() throws(TokenizerError) -> String {
        try string("type")
    }

    /// A key outside `keys` may change what the component does, so it is refused rather than skipped.
    func allow(_ keys: Set<String>) throws(TokenizerError) {
        for member in members where !keys.contains(member.key) {
            throw TokenizerError(.unsupported, "\(path) has the unknown key '\(member.key)'")
        }
    }

    func value(_ key: String) -> JSONValue? {
        guard let value = members.last(where: { $0.key == key })?.value, value != .null else { return nil }
        return value
    }

    func required(_ key: String) throws(TokenizerError) -> JSONValue {
        guard let value = value(key) else { throw TokenizerError(.format, "\(path) has no '\(key)'") }
        return value
    }

    func wrong(_ key: String, _ value: JSONValue, _ expected: String) -> TokenizerError {
        TokenizerError(.format, "\(path).\(key) is \(value.typeName), expected \(expected)")
    }

    func string(_ key: String) throws(TokenizerError) -> String {
        let value = try required(key)
        guard case .string(let text) = value else { throw wrong(key, value, "a string") }
        return text
    }

    func optionalString(_ key: String) throws(TokenizerError) -> String? {
        value(key) == nil ? nil : try string(key)
    }

    func bool(_ key: String, default fallback: Bool) throws(TokenizerError) -> Bool {
        guard let value = value(key) else { return fallback }
        guard case .bool(let flag) = value else { throw wrong(key, value, "a boolean") }
        return flag
    }

    func integer(_ key: String) throws(TokenizerError) -> Int {
        let value = try required(key)
        guard case .integer(let number) = value else { throw wrong(key, value, "an integer") }
        return number
    }

    func array(_ key: String) throws(TokenizerError) -> [JSONValue] {
        let value = try required(key)
        guard case .array(let elements) = value else { throw wrong(key, value, "an array") }
        return elements
    }

    func section(_ key: String) throws(TokenizerError) -> JSONSection {
        try JSONSection(try required(key), path: "\(path).\(key)")
    }

    func optionalSection(_ key: String) throws(TokenizerError) -> JSONSection? {
        value(key) == nil ? nil : try section(key)
    }

    func sections(_ key: String) throws(TokenizerError) -> [JSONSection] {
        var result: [JSONSection] = []
        for (index, element) in try array(key).enumerated() {
            result.append(try JSONSection(element, path: "\(path).\(key)[\(index)]"))
        }
        return result
    }

    func unsupported(_ what: String) -> TokenizerError {
        TokenizerError(.unsupported, "\(path): \(what) is not supported")
    }
}

/// A token id as the files write it: a number that fits the `Int32` of the engine.
func tokenID(_ number: Int, _ place: @autoclosure () -> String) throws(TokenizerError) -> Int32 {
    guard let id = Int32(exactly: number), id >= 0 else {
        throw TokenizerError(.format, "\(place()): \(number) is not a token id")
    }
    return id
}
