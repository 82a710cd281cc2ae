package import Tokenizers

/// A prompt with answers that people are to compare: `{"prompt","answers":[{"source","text"}]}`.
///
/// Further keys, all of which may be missing: `prompt_id`, `mode` (pair, ranking, rating, writing), `overlap`, `gold` (of two
/// answers: 0 or 1 for the better one, "tie" or "both_bad"), `entry_test`, `people` (names of those who may be asked).
package struct AnswersRow: DatasetRow, Equatable {
    package struct Answer: Sendable, Equatable {
        package var source: String
        package var text: String

        package init(source: String, text: String) {
            self.source = source
            self.text = text
        }
    }

    package enum Gold: Sendable, Equatable { case better(Int), tie, bothBad }
    package enum Mode: String, Sendable, CaseIterable { case pair, ranking, rating, writing }

    package static let shape = #"{"prompt","answers":[{"source","text"}]}"#
    /// Answers that are shown at once.
    package static let mostAnswers = 6

    package var prompt: PromptText
    package var promptID: String?
    package var answers: [Answer]
    package var mode: Mode?
    package var overlap: Int?
    package var gold: Gold?
    package var isEntryTest: Bool
    package var people: [String]?

    package init(_ object: RowObject) throws(RowProblem) {
        prompt = try object.prompt()
        answers = try Self.answers(object)
        promptID = object.has("prompt_id") ? try object.text("prompt_id") : nil
        overlap = object.json("overlap")?.integer
        if object.has("overlap"), overlap.map({ (1...100).contains($0) }) != true {
            throw RowProblem("'overlap' must be an integer from 1 to 100")
        }
        if object.has("mode") {
            mode = Mode(rawValue: try object.text("mode"))
            guard mode != nil else { throw RowProblem("'mode' must be pair, ranking, rating or writing") }
        }
        switch object.json("entry_test") {
        case nil, .null?: isEntryTest = false
        case .bool(let value)?: isEntryTest = value
        default: throw RowProblem("'entry_test' must be true or false")
        }
        gold = try Self.gold(object, answers.count)
        guard !isEntryTest || gold != nil else {
            throw RowProblem("a question of the entry test needs 'gold', the right outcome")
        }
        people = try Self.people(object)
    }

    private static func answers(_ object: RowObject) throws(RowProblem) -> [Answer] {
        guard object.has("answers") else { return [] }
        guard let elements = object.json("answers")?.array else {
            throw RowProblem(#"'answers' must be a list of {"source","text"}"#)
        }
        var answers: [Answer] = []
        for element in elements {
            guard let text = element["text"]?.string else {
                throw RowProblem("each of 'answers' needs a 'text'")
            }
            guard let source = element["source"]?.string, !source.isEmpty else {
                throw RowProblem("each of 'answers' needs a 'source', such as the name of the model")
            }
            answers.append(Answer(source: source, text: text))
        }
        for (index, answer) in answers.enumerated() where answers[..<index].contains(answer) {
            throw RowProblem("answer \(index) is there twice, from the same source")
        }
        return answers
    }

    private static func gold(_ object: RowObject, _ count: Int) throws(RowProblem) -> Gold? {
        switch object.json("gold") {
        case nil, .null?: return nil
        case _ where count != 2: throw RowProblem("'gold' needs exactly two answers")
        case .integer(let place)? where (0...1).contains(place): return .better(place)
        case .string("tie")?: return .tie
        case .string("both_bad")?: return .bothBad
        default: throw RowProblem("'gold' must be 0, 1, \"tie\" or \"both_bad\"")
        }
    }

    private static func people(_ object: RowObject) throws(RowProblem) -> [String]? {
        switch object.json("people") {
        case nil, .null?: return nil
        case .array(let elements)?:
            let names = elements.compactMap(\.string)
            guard names.count == elements.count, !names.isEmpty else { break }
            return names
        default: break
        }
        throw RowProblem("'people' must be a list of names")
    }

    /// - Returns: why the row cannot be asked in this mode; nil when it can.
    package func problem(in mode: Mode) -> String? {
        if gold != nil, mode != .pair { return "'gold' is for pairs alone" }
        switch mode {
        case .pair: return answers.count < 2 ? "a comparison needs two answers or more" : nil
        case .ranking where answers.count < 2: return "a ranking needs two answers or more"
        case .rating where answers.isEmpty: return "a rating needs an answer"
        case .ranking, .rating, .writing:
            return answers.count > Self.mostAnswers ? "at most \(Self.mostAnswers) answers are shown at once" : nil
        }
    }
}
