import Tokenizers

/// What a program answered on one line.
struct CommandAnswer: Equatable {
    static let idKey = "request_id"

    /// nil when the program has no score for this answer.
    var score: Float?
    /// Why there is none, in the program's words.
    var refusal: String?
    /// The question that is answered, when the program says so.
    var id: Int?

    /// - Returns: nil when the line is no answer.
    init?(line: some Collection<UInt8>) {
        guard let object = try? JSONValue(line: line), object.members != nil else { return nil }
        id = object[Self.idKey]?.integer
        if let error = object["error"], error != .null {
            refusal = error.string ?? error.json
            return
        }
        switch object["score"] {
        case .integer(let value): score = Float(value)
        case .number(let value) where Float(value).isFinite: score = Float(value)
        case .bool(let value): score = value ? 1 : 0
        case .number(let value): refusal = "the score is \(value)"
        case .some(let other): refusal = "the score is \(other.json)"
        case nil: return nil
        }
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
    case unknownID(Int)

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
        }
    }

    private static func words(_ said: String) -> String { said.isEmpty ? "" : ": \(said)" }
}
