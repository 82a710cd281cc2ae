import Datasets
import Preferences
import Tokenizers

/// Anthropic's pairs: two transcripts that start alike.
struct HHDialect: VoteDialect {
    static let kind = "hh"
    static let summary = "Anthropic's HH: transcripts as chosen and rejected"
    static let shape = #"{"chosen","rejected"} with transcripts "\n\nHuman: …\n\nAssistant: …""#
    private let pairs: ChosenRejected

    init(_ options: ImportOptions) {
        var options = options
        options.annotator = options.annotator ?? "hh"
        pairs = ChosenRejected(options)
    }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        for key in ["chosen", "rejected"] {
            let text = try row.text(key)
            guard text.contains("Assistant:") else { throw RowProblem("'\(key)' has no turn of 'Assistant:'") }
        }
        return try pairs.results(row, place: place)
    }
}

/// Binarized scores of UltraFeedback, and Argilla's version of it.
struct UltraFeedbackDialect: VoteDialect {
    static let kind = "ultrafeedback"
    static let summary = "binarized UltraFeedback, also Argilla's, with the scores of both answers"
    static let shape =
        #"{"prompt","chosen","rejected","score_chosen","score_rejected"} or "#
        + #"{"instruction","chosen_response","rejected_response","chosen_avg_rating","rejected_avg_rating"}"#
    private let annotator: String

    init(_ options: ImportOptions) { annotator = options.annotator ?? "ultrafeedback" }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        let isArgilla = row.has("chosen_response")
        let keys = isArgilla ? ["chosen_avg_rating", "rejected_avg_rating"] : ["score_chosen", "score_rejected"]
        var parts = PairParts(row, place, annotator: annotator)
        let better: Answer
        let worse: Answer
        if isArgilla {
            parts.prompt = try row.text("instruction")
            better = parts.answer(try row.text("chosen_response"), source: ["chosen_model"])
            worse = parts.answer(try row.text("rejected_response"), source: ["rejected_model"])
        } else {
            guard row.json("chosen") != row.json("rejected") else {
                return [LabelResult("chosen", unused: "both answers are the same")]
            }
            // `messages` repeats the chosen conversation, its answer included.
            let pair = try PreferenceRow(RowObject(row.members.filter { $0.key != "messages" }))
            parts.prompt = row.json("prompt")?.string ?? pair.prompt.plain
            better = parts.answer(TextOf.answer(pair.chosen), source: ["chosen_model", "chosen-model"])
            worse = parts.answer(TextOf.answer(pair.rejected), source: ["rejected_model", "rejected-model"])
        }
        guard better.id != worse.id else { return [LabelResult("chosen", unused: "both answers are the same")] }
        let scores = [try Self.score(row, keys[0]), try Self.score(row, keys[1])]
        guard let chosen = scores[0], let rejected = scores[1] else {
            return [LabelResult("chosen", parts.vote(better, worse))]
        }
        guard chosen >= rejected else {
            return [LabelResult("chosen", unused: "the chosen answer has the lower score")]
        }
        let isTie = chosen == rejected
        return [LabelResult(isTie ? "equal scores" : "chosen", parts.vote(better, worse, isTie: isTie))]
    }

    /// Scores run from 1 to 10; a 10 for a 1 is a known fault of the data, and only a comparison of both scores and the
    /// order shows it.
    private static func score(_ row: RowObject, _ key: String) throws(RowProblem) -> Double? {
        guard row.has(key) else { return nil }
        let value = try row.number(key)
        guard (0...10).contains(value) else { throw RowProblem("'\(key)' is \(value), outside of 0 to 10") }
        return value
    }
}

/// HelpSteer2-Preference and HelpSteer3: preferences from -3 (the first is much better) to 3, one or several people each.
struct HelpSteerDialect: VoteDialect {
    static let kind = "helpsteer"
    static let summary = "HelpSteer2-Preference and HelpSteer3, one vote for each individual preference"
    static let shape =
        #"{"context","response1","response2","overall_preference","individual_preference":[{"score"}]} or "#
        + #"{"prompt","response_1","response_2","preference_strength"}"#
    private let annotator: String

    init(_ options: ImportOptions) { annotator = options.annotator ?? "helpsteer" }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        let isThird = row.has("response1")
        let prompt = TextOf.conversation(row.json(isThird ? "context" : "prompt"))
        guard let prompt, !prompt.isEmpty else { throw RowProblem("'\(isThird ? "context" : "prompt")' holds no text") }
        let first = try row.text(isThird ? "response1" : "response_1")
        let second = try row.text(isThird ? "response2" : "response_2")
        let overall = isThird ? "overall_preference" : "preference_strength"
        let list = row.json(isThird ? "individual_preference" : "all_preferences_unprocessed")?.array ?? []
        var results: [LabelResult] = []
        // Who judged is not said: the same place in two rows is not the same person.
        for (index, element) in list.enumerated() {
            let value = element["score"] ?? element["strength"] ?? .null
            results.append(
                try result(value, prompt, first, second, "\(annotator)-\(index + 1)", row, place, key: "score"))
        }
        if results.isEmpty {
            results.append(
                try result(row.json(overall) ?? .null, prompt, first, second, annotator, row, place, key: overall))
        }
        return results
    }

    private func result(
        _ value: JSONValue, _ prompt: String, _ first: String, _ second: String, _ annotator: String, _ row: RowObject,
        _ place: RowPlace, key: String
    ) throws(RowProblem) -> LabelResult {
        guard let number = value.double else {
            return LabelResult(value.json, unused: "the preference is missing")
        }
        guard number == number.rounded(), (-3...3).contains(number) else {
            throw RowProblem("'\(key)' is \(value.json); it must be a whole number from -3 to 3")
        }
        guard first != second else { return LabelResult(value.json, unused: "both answers are the same") }
        var vote = Vote(
            task: PairParts.text(row, ["id"]) ?? "\(place.file):\(place.number)", promptID: StableHash.name(prompt),
            prompt: prompt, left: Answer(id: StableHash.name(first), text: first),
            right: Answer(id: StableHash.name(second), text: second), annotator: annotator,
            verdict: number < 0 ? .left : number > 0 ? .right : .tie)
        if number != 0 { vote.strength = Int(abs(number)) }
        vote.language = PairParts.text(row, ["language"])
        vote.split = PairParts.text(row, ["split"])
        return LabelResult(value.json, vote)
    }
}

/// Battles of models by name alone, with the probability that the second is the better: AlpacaEval's results.
struct BattlesDialect: VoteDialect {
    static let kind = "battles"
    static let summary = "battles of models by name with a probability"
    static let shape = #"{"prompt","a","b","p_b","annotator"}"#
    private let annotator: String?

    init(_ options: ImportOptions) { annotator = options.annotator }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        let (a, b) = (try row.text("a"), try row.text("b"))
        let probability = try row.number("p_b")
        guard (0...1).contains(probability) else { throw RowProblem("'p_b' is \(probability), outside of 0 to 1") }
        guard let annotator = try VoteRow.name(row, "annotator") ?? annotator else {
            throw RowProblem("the key 'annotator' is missing; --annotator NAME names one for all rows")
        }
        guard let prompt = try VoteRow.name(row, "prompt") else { throw RowProblem("the key 'prompt' is missing") }
        let text = row.json("prompt")?.string ?? ""
        let vote = Vote(
            task: "\(place.file):\(place.number)", promptID: text.isEmpty ? prompt : StableHash.name(text),
            prompt: text,
            // A model that meets itself has two answers.
            left: Answer(id: a, source: a), right: Answer(id: a == b ? b + "'" : b, source: b), annotator: annotator,
            verdict: Soft.verdict(1 - probability), probability: 1 - probability)
        return [LabelResult(probability > 0.5 ? "p_b > 0.5" : probability < 0.5 ? "p_b < 0.5" : "p_b = 0.5", vote)]
    }
}
