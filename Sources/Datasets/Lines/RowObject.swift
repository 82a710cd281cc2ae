package import Foundation
package import Tokenizers

/// A line of a data set as a typed value.
package protocol DatasetRow: Sendable {
    /// What a line should look like, for messages.
    static var shape: String { get }
    init(_ object: RowObject) throws(RowProblem)
}

/// What is wrong with one line.
package struct RowProblem: Error, Sendable {
    package let message: String
    package init(_ message: String) { self.message = message }
}

/// The JSON object of one line, read as Python's `json.loads` reads it. Keys that nobody asks for are ignored, as the
/// field's files carry many; `null` counts as a key that is not there.
package struct RowObject: Sendable {
    /// In the order of the line; each key once, with the last of its values.
    package let members: [JSONValue.Member]

    package init(_ members: [JSONValue.Member]) { self.members = members }

    /// - Parameter line: bytes of one line without its end.
    package init(line: Data) throws(RowProblem) {
        guard String(validating: line, as: UTF8.self) != nil else { throw RowProblem("the line is not UTF-8") }
        let value: JSONValue
        do throws(JSONProblem) {
            value = try JSONValue(line: line)
        } catch {
            throw RowProblem("the line is not valid JSON: \(error.reason) (column \(error.column))")
        }
        guard let members = value.members else { throw RowProblem("the line must be a JSON object") }
        self.members = members
    }

    /// The value of a key as it stands, `null` included; nil when the key is not there.
    package func json(_ key: String) -> JSONValue? { JSONValue.object(members)[key] }

    package func has(_ key: String) -> Bool {
        switch json(key) {
        case nil, .null?: false
        default: true
        }
    }

    package func text(_ key: String) throws(RowProblem) -> String {
        switch json(key) {
        case .string(let text)?: return text
        case nil, .null?: throw RowProblem("the key '\(key)' is missing")
        case let other?: throw RowProblem("'\(key)' must be a text, not \(other.typeName)")
        }
    }

    /// A finite number.
    package func number(_ key: String) throws(RowProblem) -> Double {
        switch json(key) {
        case nil, .null?: throw RowProblem("the key '\(key)' is missing")
        case let value?:
            guard let number = value.double else {
                throw RowProblem("'\(key)' must be a number, not \(value.typeName)")
            }
            guard number.isFinite else {
                throw RowProblem("'\(key)' is \(number.isNaN ? "NaN" : "infinite"); it must be a finite number")
            }
            return number
        }
    }
}
