import Foundation

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

/// The JSON object of one line. Keys that nobody asks for are ignored, as the field's files carry many.
package struct RowObject: Sendable {
    /// The values that rows are made of; the rest of JSON is `other`.
    enum Value: Sendable, Decodable {
        case text(String)
        case turns([ChatTurn])
        case nothing
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .nothing
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let turns = try? container.decode([ChatTurn].self) {
                self = .turns(turns)
            } else {
                self = .other
            }
        }
    }

    private let values: [String: Value]

    /// - Parameter line: bytes of one line without its end.
    init(line: Data, decoder: JSONDecoder) throws(RowProblem) {
        guard String(validating: line, as: UTF8.self) != nil else { throw RowProblem("the line is not UTF-8") }
        do {
            values = try decoder.decode([String: Value].self, from: line)
        } catch DecodingError.dataCorrupted {
            throw RowProblem("the line is not valid JSON")
        } catch {
            throw RowProblem("the line must be a JSON object")
        }
    }

    package func has(_ key: String) -> Bool {
        switch values[key] {
        case nil, .nothing?: false
        default: true
        }
    }

    package func text(_ key: String) throws(RowProblem) -> String {
        switch values[key] {
        case .text(let text)?: return text
        case nil, .nothing?: throw RowProblem("the key '\(key)' is missing")
        default: throw RowProblem("'\(key)' must be a text")
        }
    }

    package func turns(_ key: String) throws(RowProblem) -> [ChatTurn] {
        switch values[key] {
        case .turns(let turns)? where !turns.isEmpty: return turns
        case .turns?: throw RowProblem("'\(key)' is empty")
        case nil, .nothing?: throw RowProblem("the key '\(key)' is missing")
        default: throw RowProblem(#"'\#(key)' must be a list of {"role","content"}"#)
        }
    }

    /// `prompt` as text or turns, else `messages`.
    package func prompt() throws(RowProblem) -> PromptText {
        if has("prompt") {
            if case .turns? = values["prompt"] { return .turns(try turns("prompt")) }
            let text = try text("prompt")
            guard !text.isEmpty else { throw RowProblem("the prompt is empty") }
            return .text(text)
        }
        guard has("messages") else { throw RowProblem("neither 'prompt' nor 'messages' is there") }
        let turns = try turns("messages")
        guard turns.last?.role != "assistant" else {
            throw RowProblem("the last of 'messages' is the assistant's: there is nothing to answer")
        }
        return .turns(turns)
    }

    /// A text, or turns of which the last is the assistant's.
    package func answer(_ key: String) throws(RowProblem) -> (before: [ChatTurn], text: String) {
        guard case .turns? = values[key] else { return ([], try text(key)) }
        var turns = try turns(key)
        guard let last = turns.popLast(), last.role == "assistant" else {
            throw RowProblem("the last turn of '\(key)' must be the assistant's")
        }
        return (turns, last.content)
    }
}
