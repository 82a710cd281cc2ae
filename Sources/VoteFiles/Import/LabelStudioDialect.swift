import Datasets
import Preferences
import Tokenizers

/// Label Studio's exports of pairwise comparisons: JSON, and JSON-MIN.
///
/// Which text was on the left stands in the labelling page's configuration and not in the export, so it is asked for.
struct LabelStudioDialect: VoteDialect {
    static let kind = "label-studio"
    static let summary = "Label Studio's JSON and JSON-MIN, with --left and --right"
    static let shape = #"{"data":{…},"annotations":[{"completed_by","result":[{"value":{"selected"}}]}]}"#
    private let options: ImportOptions

    init(_ options: ImportOptions) { self.options = options }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        guard let annotations = row.json("annotations")?.array else {
            guard row.has("annotation_id") || row.has("annotator") else {
                throw RowProblem("neither 'annotations' nor 'annotation_id' is there")
            }
            return [try flat(row, place)]
        }
        guard let data = row.json("data")?.members else { throw RowProblem("'data' must be an object") }
        let task = try LabelStudioTask(RowObject(data), id: PairParts.text(row, ["id"]), place, options)
        var truth: (label: String, verdict: Verdict)?
        if let annotation = annotations.first(where: { $0["ground_truth"] == .bool(true) }) {
            truth = try verdict(of: annotation)
        }
        var results: [LabelResult] = []
        for annotation in annotations {
            if annotation["ground_truth"] == .bool(true) {
                results.append(LabelResult("ground truth", unused: "it says what is right and is no vote"))
                continue
            }
            results.append(try result(annotation, task, truth: truth))
        }
        return results
    }

    private func result(
        _ annotation: JSONValue, _ task: LabelStudioTask, truth: (label: String, verdict: Verdict)?
    ) throws(RowProblem) -> LabelResult {
        let annotator = Self.annotator(annotation["completed_by"]) ?? options.annotator
        guard let annotator else { throw RowProblem("an annotation lacks 'completed_by'") }
        let found = annotation["was_cancelled"] == .bool(true) ? ("skipped", .skip) : try verdict(of: annotation)
        guard let found else { return LabelResult("empty", unused: "the annotation has no result") }
        var vote = task.vote(annotator, found.1)
        vote.seconds = Self.seconds(annotation["lead_time"])
        vote.votedAt = annotation["created_at"].flatMap { VoteTime.date($0) }
        if let truth {
            vote.isGold = true
            vote.expected = truth.verdict
        }
        return LabelResult(found.0, vote)
    }

    /// JSON-MIN: the fields of the task and the results under the names of their controls in one object.
    private func flat(_ row: RowObject, _ place: RowPlace) throws(RowProblem) -> LabelResult {
        let task = try LabelStudioTask(row, id: PairParts.text(row, ["id"]), place, options)
        guard let annotator = Self.annotator(row.json("annotator")) ?? options.annotator else {
            throw RowProblem("the key 'annotator' is missing")
        }
        let values = row.members.filter { member in
            if let question = options.question { return member.key == question }
            return Self.choice(member.value).map { known($0) != nil } ?? false
        }
        guard let label = values.first.flatMap({ Self.choice($0.value) }) else {
            return LabelResult("empty", unused: "the annotation has no result")
        }
        guard let verdict = known(label) else { throw unknown(label) }
        var vote = task.vote(annotator, verdict)
        vote.seconds = Self.seconds(row.json("lead_time"))
        vote.votedAt = row.json("created_at").flatMap { VoteTime.date($0) }
        return LabelResult(label, vote)
    }

    private func verdict(of annotation: JSONValue) throws(RowProblem) -> (label: String, verdict: Verdict)? {
        for result in annotation["result"]?.array ?? [] {
            if let question = options.question, result["from_name"]?.string != question { continue }
            guard let label = result["value"].flatMap({ Self.choice($0) }) else { continue }
            guard let verdict = known(label) else {
                // Other controls of the page, such as a rating, are no verdicts.
                if result["type"]?.string == "pairwise" || options.question != nil { throw unknown(label) }
                continue
            }
            return (label, verdict)
        }
        return nil
    }

    private func known(_ label: String) -> Verdict? {
        options.labels[label] ?? (label == "left" ? .left : label == "right" ? .right : nil)
    }

    private func unknown(_ label: String) -> RowProblem {
        RowProblem("the label '\(label)' is neither left nor right; --label '\(label)=VERDICT' says what it means")
    }

    /// `left`, {"selected": "left"}, {"choices": ["tie"]}, or a list of one of these.
    private static func choice(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): return text
        case .array(let list): return list.count == 1 ? choice(list[0]) : nil
        case .object:
            if let selected = value["selected"]?.string { return selected }
            return value["choices"].flatMap { choice($0) }
        default: return nil
        }
    }

    private static func annotator(_ value: JSONValue?) -> String? {
        switch value {
        case .integer(let id)?: "\(id)"
        case .string(let name)?: name.isEmpty ? nil : name
        case .object?: value?["id"]?.integer.map { "\($0)" } ?? value?["email"]?.string
        default: nil
        }
    }

    /// `lead_time` includes drafts and idle time; it is taken as it is.
    private static func seconds(_ value: JSONValue?) -> Double? {
        value?.double.flatMap { $0 >= 0 && $0 < 1e9 ? $0 : nil }
    }
}

/// What a task of Label Studio shows.
private struct LabelStudioTask {
    private let id: String
    private let prompt: String
    private let left: Answer
    private let right: Answer
    private let groups: [String: String]

    init(_ data: RowObject, id: String?, _ place: RowPlace, _ options: ImportOptions) throws(RowProblem) {
        guard let leftKey = options.left, let rightKey = options.right else {
            let keys = data.members.map(\.key).joined(separator: ", ")
            throw RowProblem(
                "the export does not say which text was shown on which side; name the fields with --left KEY --right KEY "
                    + "(there are: \(keys))")
        }
        func text(_ key: String) throws(RowProblem) -> String {
            guard let text = TextOf.conversation(data.json(key)) else { throw RowProblem("'\(key)' holds no text") }
            return text
        }
        let (first, second) = (try text(leftKey), try text(rightKey))
        guard first != second else { throw RowProblem("'\(leftKey)' and '\(rightKey)' are the same") }
        let promptKey = options.prompt ?? "prompt"
        prompt = data.has(promptKey) ? try text(promptKey) : ""
        self.id = id ?? "\(place.file):\(place.number)"
        left = Answer(
            id: StableHash.name(first), source: PairParts.text(data, ["\(leftKey)_model", "model_left"]), text: first)
        right = Answer(
            id: StableHash.name(second), source: PairParts.text(data, ["\(rightKey)_model", "model_right"]),
            text: second)
        var groups: [String: String] = [:]
        for key in options.groups { groups[key] = PairParts.text(data, [key]) }
        self.groups = groups
    }

    func vote(_ annotator: String, _ verdict: Verdict) -> Vote {
        var vote = Vote(
            task: id, promptID: prompt.isEmpty ? id : StableHash.name(prompt), prompt: prompt, left: left, right: right,
            annotator: annotator, verdict: verdict)
        vote.groups = groups
        return vote
    }
}
