/// A value while a template is rendered, with the meaning that Python gives it.
enum TemplateValue {
    /// A name, key or attribute that is not there; the text says what, for errors.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([TemplateValue])
    case tuple([TemplateValue])
    case dictionary([Entry])
    case namespace(TemplateNamespace)
    case macro(TemplateMacro, TemplateScope)
    case function(String)
    indirect case method(TemplateValue, String)

    struct Entry {
        var key: TemplateValue
        var value: TemplateValue
    }
}

/// What `namespace()` makes: fields that can be set from within a loop.
final class TemplateNamespace {
    var fields: [TemplateValue.Entry] = []
}

/// The names of a block and, behind them, those of the blocks around it.
final class TemplateScope {
    private var names: [String: TemplateValue] = [:]
    private let parent: TemplateScope?

    init(parent: TemplateScope?) { self.parent = parent }

    subscript(name: String) -> TemplateValue? {
        get { names[name] ?? parent?[name] }
        set { names[name] = newValue }
    }

    func clear() { names = [:] }
}

extension TemplateValue {
    init(_ json: JSONValue) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .largeInteger(let digits): self = .number(Double(digits) ?? .infinity)
        case .number(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .list(elements.map { TemplateValue($0) })
        case .object(let members):
            // Of a key that is there twice the last value counts, in the place of the first, as in Python.
            var places: [[UInt8]: Int] = [:]
            var entries: [Entry] = []
            for member in members {
                let key = Array(member.key.utf8)
                if let place = places[key] {
                    entries[place].value = TemplateValue(member.value)
                } else {
                    places[key] = entries.count
                    entries.append(Entry(key: .string(member.key), value: TemplateValue(member.value)))
                }
            }
            self = .dictionary(entries)
        }
    }

    /// nil for what JSON cannot say.
    var json: JSONValue? {
        switch self {
        case .none: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let value): return .string(value)
        case .list(let elements), .tuple(let elements):
            let values = elements.compactMap(\.json)
            return values.count == elements.count ? .array(values) : nil
        case .dictionary(let entries):
            var members: [JSONValue.Member] = []
            for entry in entries {
                guard let value = entry.value.json else { return nil }
                switch entry.key {
                case .string(let key): members.append(.init(key, value))
                case .integer(let key): members.append(.init(String(key), value))
                case .bool(let key): members.append(.init(key ? "true" : "false", value))
                case .none: members.append(.init("null", value))
                default: return nil
                }
            }
            return .object(members)
        case .undefined, .namespace, .macro, .function, .method: return nil
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let elements), .tuple(let elements): !elements.isEmpty
        case .dictionary(let entries): !entries.isEmpty
        case .namespace, .macro, .function, .method: true
        }
    }

    var typeName: String {
        switch self {
        case .undefined: "undefined"
        case .none: "none"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .tuple: "a tuple"
        case .dictionary: "a mapping"
        case .namespace: "a namespace"
        case .macro, .function, .method: "a function"
        }
    }

    /// Numbers compare by value, also truth values, which are 0 and 1.
    var asNumber: Double? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    var asInteger: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): value
        default: nil
        }
    }

    func equals(_ other: TemplateValue) -> Bool {
        if let left = asInteger, let right = other.asInteger { return left == right }
        if let left = asNumber, let right = other.asNumber { return left == right }
        switch (self, other) {
        case (.none, .none), (.undefined, .undefined): return true
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
        case (.dictionary(let left), .dictionary(let right)):
            return left.count == right.count
                && left.allSatisfy { entry in
                    right.contains { $0.key.equals(entry.key) && $0.value.equals(entry.value) }
                }
        case (.namespace(let left), .namespace(let right)): return left === right
        default: return false
        }
    }

    /// The value of a key; the last entry wins, as when a literal names a key twice.
    static func lookUp(_ key: TemplateValue, in entries: [Entry]) -> TemplateValue? {
        entries.last { $0.key.equals(key) }?.value
    }

    // MARK: Texts

    /// What an expression prints: Python's `str`.
    var text: String {
        switch self {
        case .undefined: ""
        case .string(let value): value
        default: representation
        }
    }

    /// Python's `repr`, which is how the elements of a list print.
    var representation: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "None"
        case .bool(let value): value ? "True" : "False"
        case .integer(let value): String(value)
        case .number(let value): Self.text(of: value)
        case .string(let value): Self.quoted(value)
        case .list(let elements): "[" + elements.map(\.representation).joined(separator: ", ") + "]"
        case .tuple(let elements):
            elements.count == 1
                ? "(" + elements[0].representation + ",)"
                : "(" + elements.map(\.representation).joined(separator: ", ") + ")"
        case .dictionary(let entries):
            "{" + entries.map { $0.key.representation + ": " + $0.value.representation }.joined(separator: ", ") + "}"
        // Without its fields: one of them may be the namespace itself.
        case .namespace: "<Namespace>"
        case .macro(let macro, _): "<Macro '\(macro.name)'>"
        case .function(let name), .method(_, let name): "<function \(name)>"
        }
    }

    private static func text(of number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        return JSONWriter.text(of: number)
    }

    private static func quoted(_ text: String) -> String {
        let quote: Unicode.Scalar =
            text.unicodeScalars.contains("'") && !text.unicodeScalars.contains("\"") ? "\"" : "'"
        var output = String(quote)
        for scalar in text.unicodeScalars {
            switch scalar {
            case quote, "\\":
                output += "\\"
                output.unicodeScalars.append(scalar)
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            default:
                if isPrintable(scalar) {
                    output.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16)
                    let (mark, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                    output += "\\" + mark + String(repeating: "0", count: width - digits.count) + digits
                }
            }
        }
        return output + String(quote)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        // Separators other than the space, and everything in C.
        scalar == " " || Category.index(scalar) < 22
    }
}
