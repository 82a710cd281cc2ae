import Datasets
import Foundation
import Preferences
import Tokenizers

/// Two answers of which one is the better, in the common shapes of preference data.
struct ChosenRejected: VoteDialect {
    static let kind = "pairs"
    static let summary = "chosen and rejected, output_1 and output_2 with preference, response_0 and response_1"
    static let shape = #"{"prompt","chosen","rejected"}, or two answers and which is the better"#
    private let annotator: String

    init(_ options: ImportOptions) { annotator = options.annotator ?? "unknown" }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        if row.has("chosen"), row.has("rejected") { return [try chosen(row, place)] }
        if row.has("completion"), row.has("label") {
            return [LabelResult("label", unused: "one answer with a label is no pair")]
        }
        for shape in PairShape.all where row.has(shape.first) && row.has(shape.second) {
            return [try compared(row, shape, place)]
        }
        throw RowProblem("no two answers are there")
    }

    /// Rows of the reward model's own shape, prompts under other names included.
    private func chosen(_ row: RowObject, _ place: RowPlace) throws(RowProblem) -> LabelResult {
        guard row.json("chosen") != row.json("rejected") else {
            return LabelResult("chosen", unused: "both answers are the same")
        }
        let pair = try PreferenceRow(PairShape.withPrompt(row))
        var parts = PairParts(row, place, annotator: annotator)
        parts.prompt = pair.prompt.plain
        let better = parts.answer(TextOf.answer(pair.chosen), source: ["chosen_model", "chosen_source"])
        let worse = parts.answer(TextOf.answer(pair.rejected), source: ["rejected_model", "rejected_source"])
        guard better.id != worse.id else { return LabelResult("chosen", unused: "both answers are the same") }
        let probability = try Self.share(row, "p_chosen")
        if let probability, probability < 0.5 {
            throw RowProblem("'p_chosen' is less than one half: the rejected answer is the better one")
        }
        return LabelResult("chosen", parts.vote(better, worse, isTie: probability == 0.5, probability: probability))
    }

    private func compared(
        _ row: RowObject, _ shape: PairShape, _ place: RowPlace
    ) throws(RowProblem) -> LabelResult {
        guard let label = row.json(shape.label), label != .null else {
            throw RowProblem("the key '\(shape.label)' is missing")
        }
        let texts = [TextOf.conversation(row.json(shape.first)), TextOf.conversation(row.json(shape.second))]
        guard let first = texts[0], let second = texts[1] else {
            throw RowProblem("'\(shape.first)' and '\(shape.second)' must be texts or lists of messages")
        }
        guard first != second else { return LabelResult(label.json, unused: "both answers are the same") }
        guard let score = shape.score(label) else {
            throw RowProblem("'\(shape.label)' is \(label.json); \(shape.meaning)")
        }
        var parts = PairParts(row, place, annotator: annotator)
        parts.prompt = TextOf.conversation(PairShape.withPrompt(row).json("prompt")) ?? ""
        guard !parts.prompt.isEmpty else { throw RowProblem("the key 'prompt' is missing") }
        let answers = [
            parts.answer(first, source: shape.sources.map { $0.0 }),
            parts.answer(second, source: shape.sources.map { $0.1 }),
        ]
        let (better, worse) = score >= 0.5 ? (answers[0], answers[1]) : (answers[1], answers[0])
        let isSoft = score != 0 && score != 1 && score != 0.5
        return LabelResult(
            label.json,
            parts.vote(better, worse, isTie: score == 0.5, probability: isSoft ? max(score, 1 - score) : nil))
    }

    private static func share(_ row: RowObject, _ key: String) throws(RowProblem) -> Double? {
        guard row.has(key) else { return nil }
        let value = try row.number(key)
        guard (0...1).contains(value) else { throw RowProblem("'\(key)' must be from 0 to 1") }
        return value
    }
}

/// Two answers under their names, and the key that says which is the better.
struct PairShape: Sendable {
    var first: String
    var second: String
    var label: String
    /// Keys of the sources of first and second.
    var sources: [(String, String)]
    /// For messages.
    var meaning: String
    /// The first answer's share of the win; nil for a label that means nothing.
    var score: @Sendable (JSONValue) -> Double?

    static let all: [PairShape] = [
        PairShape(
            first: "output_1", second: "output_2", label: "preference", sources: [("generator_1", "generator_2")],
            meaning: "use 1 for the first, 2 for the second, 0 or 1.5 for a tie, or a number between"
        ) { value in
            guard let number = value.double else { return nil }
            if number == 0 { return 0.5 }
            return (1...2).contains(number) ? 2 - number : nil
        },
        PairShape(
            first: "response_0", second: "response_1", label: "better_response_id",
            sources: [("response_0_source", "response_1_source")], meaning: "use 0 or 1"
        ) { value in value.double == 0 ? 1 : value.double == 1 ? 0 : nil },
        PairShape(
            first: "human_ref_A", second: "human_ref_B", label: "labels", sources: [],
            meaning: "use 1 for A and 0 for B"
        ) { value in value.double == 1 ? 1 : value.double == 0 ? 0 : nil },
        PairShape(
            first: "response_a", second: "response_b", label: "winner", sources: [("model_a", "model_b")],
            meaning: "use a, b, model_a, model_b or tie", score: named),
        PairShape(
            first: "answer_a", second: "answer_b", label: "preference", sources: [("model_a", "model_b")],
            meaning: "use a, b or tie", score: named),
    ]

    @Sendable private static func named(_ value: JSONValue) -> Double? {
        switch value.string?.lowercased() {
        case "a", "model_a", "response_a", "answer_a": 1
        case "b", "model_b", "response_b", "answer_b": 0
        case "tie": 0.5
        default: nil
        }
    }

    /// The same row with a prompt of another name as `prompt`. `input` behind `instruction` belongs to it.
    static func withPrompt(_ row: RowObject) -> RowObject {
        guard !row.has("prompt"), !row.has("messages") else { return row }
        let names = ["instruction", "question", "query", "history", "context", "input"]
        guard let name = names.first(where: { row.has($0) && row.json($0) != .string("") }),
            var value = row.json(name)
        else { return row }
        if name == "instruction", case .string(let text) = value, let input = row.json("input")?.string, !input.isEmpty
        {
            value = .string(text + "\n\n" + input)
        }
        return RowObject(row.members.filter { !names.contains($0.key) } + [.init("prompt", value)])
    }
}

/// What the shapes of pairs have in common.
struct PairParts {
    var prompt = ""
    private let row: RowObject
    private let place: RowPlace
    private let annotator: String

    init(_ row: RowObject, _ place: RowPlace, annotator: String) {
        self.row = row
        self.place = place
        self.annotator = annotator
    }

    /// - Parameter keys: of which the first that is there names the answer's source.
    func answer(_ text: String, source keys: [String]) -> Answer {
        Answer(id: StableHash.name(text), source: keys.lazy.compactMap { row.json($0)?.string }.first, text: text)
    }

    func vote(_ better: Answer, _ worse: Answer, isTie: Bool = false, probability: Double? = nil) -> Vote {
        let id = PairParts.text(row, ["prompt_id", "id"])
        var vote = UnknownOrder.vote(
            task: id ?? "\(place.file):\(place.number)", promptID: StableHash.name(prompt), prompt: prompt,
            better: better, worse: worse, annotator: PairParts.text(row, ["annotator", "annotator_id"]) ?? annotator,
            isTie: isTie, probability: probability)
        vote.split = PairParts.text(row, ["split"])
        vote.language = PairParts.text(row, ["language"])
        return vote
    }

    /// The first of some keys that holds a text or an integer.
    static func text(_ row: RowObject, _ keys: [String]) -> String? {
        for key in keys {
            switch row.json(key) {
            case .string(let text)? where !text.isEmpty: return text
            case .integer(let number)?: return String(number)
            default: continue
            }
        }
        return nil
    }
}
