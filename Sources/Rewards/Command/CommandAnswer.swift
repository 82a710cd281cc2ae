import Tokenizers

/// What a program answered on one line.
struct CommandAnswer: Equatable {
    static let idKey = "request_id"

    /// nil when the program has no score for this answer.
    var score: Float?
    /// Why there is no score, in the program's words.
    var refusal: String?
    /// The question that is answered.
    var id: ID

    enum ID: Equatable {
        /// The line names none.
        case none
        case question(Int)
        /// The line names something that no question has as its number.
        case unknown(String)
    }

    /// - Returns: nil when the line is no answer.
    init?(line: some Collection<UInt8>) {
        guard let object = try? JSONValue(line: line), object.members != nil else { return nil }
        id = Self.id(object[Self.idKey] ?? .null)
        if let error = object["error"], Self.saysSomething(error) {
            refusal = (error.string ?? error.json).excerpt()
            return
        }
        switch object["score"] {
        case .integer(let value): score = Float(value)
        case .number(let value) where Float(value).isFinite: score = Float(value)
        case .bool(let value): score = value ? 1 : 0
        case .largeInteger(let digits):
            let value = Float(digits) ?? .infinity
            if value.isFinite { score = value } else { refusal = "the score is \(digits.excerpt())" }
        case .number(let value): refusal = "the score is \(value)"
        case .some(let other): refusal = "the score is \(other.json.excerpt())"
        case nil:
            guard let error = object["error"], error != .null else { return nil }
            refusal = "it gave no reason"
        }
    }

    /// Programs that answer with one and the same shape leave `error` empty beside a score.
    private static func saysSomething(_ error: JSONValue) -> Bool {
        switch error {
        case .null, .bool(false), .string(""), .integer(0): false
        case .array(let list): !list.isEmpty
        case .object(let members): !members.isEmpty
        default: true
        }
    }

    /// Numbers that went through a table or a text are the same numbers: 3, 3.0 and "3".
    private static func id(_ value: JSONValue) -> ID {
        let number: Int? =
            switch value {
            case .integer(let number): number
            case .number(let number): Int(exactly: number)
            case .string(let text): text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
            default: nil
            }
        if let number { return .question(number) }
        return value == .null ? .none : .unknown(value.json.excerpt(80))
    }
}

/// What was wrong with a program; the text says what to change.
enum CommandProblem: Error, CustomStringConvertible {
    case cannotStart(String)
    case cancelled
    /// - Parameter said: what it wrote to stderr last; empty when that is nothing.
    case ended(how: String, said: String)
    case closedInput(said: String)
    case silent(seconds: Double, answers: Int, questions: Int, said: String)
    case notAnAnswer(String)
    case tooMany
    case unknownID(String)
    case onlySomeNamed

    /// The program said nothing until its time was over.
    var isSilence: Bool { if case .silent = self { true } else { false } }

    var description: String {
        switch self {
        case .cannotStart(let why): why
        case .cancelled: "the job was called back"
        case .ended(let how, let said): "the program ended (\(how))" + Self.words(said)
        case .closedInput(let said): "the program closed its standard input" + Self.words(said)
        case .silent(let seconds, let answers, let questions, let said):
            """
            the program gave \(answers) of \(questions) answers and then none for \(seconds) s (timeout_s); it must answer \
            each line without waiting for the end of its input, and flush its output\(Self.words(said))
            """
        case .notAnAnswer(let line):
            """
            the program printed '\(line)', which is no {"score": number}; everything else belongs on stderr
            """
        case .tooMany:
            """
            the program printed more lines than it was asked, so that none of its scores is certain; print one line for \
            each line read, or give \(CommandAnswer.idKey) back with each score
            """
        case .unknownID(let id): "the program answered \(CommandAnswer.idKey) \(id), which is not open"
        case .onlySomeNamed:
            """
            the program gave \(CommandAnswer.idKey) back with some of its answers and not with others; give it back with \
            each, or with none
            """
        }
    }

    private static func words(_ said: String) -> String { said.isEmpty ? "" : ": \(said)" }
}
