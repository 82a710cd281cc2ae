import Datasets
import Preferences
import Tokenizers

/// Battles of the Chatbot Arena.
struct ArenaDialect: VoteDialect {
    static let kind = "arena"
    static let summary = "Chatbot Arena's battles, with sessions and counts of style"
    static let shape = #"{"model_a","model_b","winner","conversation_a":[…],"conversation_b":[…]}"#
    private let options: ImportOptions

    init(_ options: ImportOptions) { self.options = options }

    private static let verdicts: [String: Verdict] = [
        "model_a": .left, "model_b": .right, "tie": .tie, "both_bad": .bothBad, "tie (bothbad)": .bothBad,
    ]

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        let label = try row.text("winner")
        guard let verdict = options.labels[label] ?? Self.verdicts[label] else {
            throw RowProblem(
                "'winner' is '\(label)'; expected model_a, model_b, tie, both_bad or tie (bothbad); "
                    + "--label '\(label)=VERDICT' says what it means")
        }
        let models = [try row.text("model_a"), try row.text("model_b")]
        let turns = [try Self.turns(row, "conversation_a"), try Self.turns(row, "conversation_b")]
        let common = Self.commonTurns(turns[0], turns[1])
        let prompt = turns[0].prefix(common)
        let task = PairParts.text(row, ["id", "question_id"]) ?? "\(place.file):\(place.number)"
        // Battles of one conversation are of one prompt: later turns hold the earlier ones.
        let first = turns[0].first { $0.role == "user" }?.text
        let promptID = first.map { StableHash.name($0) } ?? task
        var answers: [Answer] = []
        for (index, side) in ["a", "b"].enumerated() {
            let rest = turns[index].dropFirst(common)
            let text = rest.count == 1 ? rest.first?.text ?? "" : PromptText.turns(Array(rest)).plain
            answers.append(
                Answer(
                    id: StableHash.name("\(task) \(side) \(models[index])"), source: models[index], text: text,
                    style: Self.style(row.json("conv_metadata"), side)))
        }
        var vote = Vote(
            task: task, promptID: promptID,
            prompt: prompt.isEmpty ? first ?? "" : PromptText.turns(Array(prompt)).plain,
            left: answers[0], right: answers[1],
            annotator: PairParts.text(row, ["judge", "user", "user_id"]) ?? options.annotator ?? "arena",
            verdict: verdict)
        vote.session = PairParts.text(row, ["evaluation_session_id", "session_id"])
        vote.language = PairParts.text(row, ["language"])
        vote.votedAt = (row.json("timestamp") ?? row.json("tstamp")).flatMap { VoteTime.date($0) }
        return [LabelResult(label, vote)]
    }

    private static func turns(_ row: RowObject, _ key: String) throws(RowProblem) -> [ChatMessage] {
        guard row.has(key) else { return [] }
        guard let list = row.json(key)?.array else { throw RowProblem("'\(key)' must be a list of messages") }
        var turns: [ChatMessage] = []
        for element in list {
            guard element["role"]?.string != nil else {
                throw RowProblem(#"'\#(key)' must be a list of {"role","content"}"#)
            }
            turns.append(ChatMessage(element))
        }
        return turns
    }

    /// Turns that both conversations start with, but for the last answer of each.
    private static func commonTurns(_ a: [ChatMessage], _ b: [ChatMessage]) -> Int {
        min(zip(a, b).prefix { $0 == $1 }.count, max(0, a.count - 1), max(0, b.count - 1))
    }

    /// Counts as the Arena publishes them: numbers, or sums over kinds (`{"h1": 1, "h2": 0}`).
    private static func style(_ metadata: JSONValue?, _ side: String) -> StyleCounts? {
        guard let metadata, let tokens = metadata["sum_assistant_\(side)_tokens"]?.double, tokens >= 0 else {
            return nil
        }
        func count(_ name: String) -> Double {
            switch metadata["\(name)_count_\(side)"] {
            case .object(let members)?: members.reduce(0) { $0 + max(0, $1.value.double ?? 0) }
            case let value?: max(0, value.double ?? 0)
            case nil: 0
            }
        }
        return StyleCounts(length: tokens, headers: count("header"), lists: count("list"), bold: count("bold"))
    }
}
