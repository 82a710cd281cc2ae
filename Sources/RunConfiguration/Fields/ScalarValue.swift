/// A value that stands in one word of the run file.
protocol ScalarValue: Sendable, Equatable {
    /// What the file may hold, for messages: `a number`.
    static var kind: String { get }
    /// What the file may hold, word by word; empty when it is open.
    static var choices: [String] { get }
    /// - Parameter plain: not in quotes. Numbers and choices in quotes are texts.
    static func parse(_ text: String, plain: Bool) -> Self?
    var written: String { get }
}

extension ScalarValue {
    static var choices: [String] { [] }
}

extension String: ScalarValue {
    static var kind: String { "a text" }
    static func parse(_ text: String, plain: Bool) -> String? {
        plain && ["", "~", "null", "Null", "NULL"].contains(text) ? nil : text
    }
    var written: String { self }
}

extension Bool: ScalarValue {
    static var kind: String { "true or false" }
    static func parse(_ text: String, plain: Bool) -> Bool? {
        guard plain else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: return nil
        }
    }
    var written: String { self ? "true" : "false" }
}

extension Int: ScalarValue {
    static var kind: String { "a whole number" }
    static func parse(_ text: String, plain: Bool) -> Int? { plain ? Int(text.withoutUnderscores) : nil }
    var written: String { "\(self)" }
}

extension UInt64: ScalarValue {
    static var kind: String { "a whole number, 0 or more" }
    static func parse(_ text: String, plain: Bool) -> UInt64? { plain ? UInt64(text.withoutUnderscores) : nil }
    var written: String { "\(self)" }
}

extension Double: ScalarValue {
    static var kind: String { "a number" }
    static func parse(_ text: String, plain: Bool) -> Double? {
        // `Double("nan")` and hexadecimal floats are numbers to Swift, not to a run file.
        guard plain, text.utf8.allSatisfy({ "0123456789+-._eE".utf8.contains($0) }) else { return nil }
        return Double(text.withoutUnderscores).flatMap { $0.isFinite ? $0 : nil }
    }
    var written: String {
        if let whole = Int(exactly: self), abs(whole) < 1_000_000_000_000 { return "\(whole)" }
        return "\(self)"
    }
}

extension String {
    fileprivate var withoutUnderscores: String { filter { $0 != "_" } }
}

/// One of a few words.
protocol ChoiceValue: ScalarValue, CaseIterable, RawRepresentable where RawValue == String {}

extension ChoiceValue {
    static var kind: String { "one of \(choices.joined(separator: ", "))" }
    static var choices: [String] { allCases.map(\.rawValue) }
    static func parse(_ text: String, plain: Bool) -> Self? { Self(rawValue: text) }
    var written: String { rawValue }
}
