/// A JSON document that keeps the order of its keys: ids of added tokens follow the order in the file, and chat
/// templates print objects in it.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits as it is written, in lines of data alone: `Double` would round it.
    case largeInteger(String)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: JSONValue

        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Parses a document.
    /// - Parameter name: how errors call it.
    package init(parsing bytes: some Sequence<UInt8>, name: String) throws(TokenizerError) {
        self = try JSONParser.parse(Array(bytes), file: name)
    }

    /// Parses one line of data as Python's `json.loads` does, see ``JSONDialect/python``.
    package init(line bytes: some Collection<UInt8>) throws(JSONProblem) {
        self = try JSONParser.parse(bytes, dialect: .python)
    }

    /// The value of a key, the last one if it is there twice, as JSON readers commonly do.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        // Not `==`, to which composed and decomposed letters are the same key.
        return members.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    package var integer: Int? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    /// An integer or a number, the nearest one that `Double` has.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .largeInteger(let digits): Double(digits)
        case .number(let value): value
        default: nil
        }
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var array: [JSONValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    package var members: [Member]? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// The document on one line, as Python's `json.dumps(…, ensure_ascii=False)` writes it.
    package var json: String { JSONWriter().text(self) }

    /// The same with null in place of numbers that are not finite, which JSON cannot write and Python's rows may hold.
    package var finite: JSONValue {
        switch self {
        case .number(let number) where !number.isFinite: .null
        case .array(let elements): .array(elements.map(\.finite))
        case .object(let members): .object(members.map { Member($0.key, $0.value.finite) })
        default: self
        }
    }

    /// Whether JSON can write all of its numbers.
    package var isFinite: Bool {
        switch self {
        case .number(let number): number.isFinite
        case .array(let elements): elements.allSatisfy(\.isFinite)
        case .object(let members): members.allSatisfy(\.value.isFinite)
        default: true
        }
    }

    /// For messages, with its article.
    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .largeInteger: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
