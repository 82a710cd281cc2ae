import Datasets
import Preferences
import Tokenizers

/// Argilla's records: version 2 nested and flat, and version 1. Questions with labels, and rankings of the fields.
struct ArgillaDialect: VoteDialect {
    static let kind = "argilla"
    static let summary = "Argilla 1 and 2, label questions and rankings, with --left and --right"
    static let shape = #"{"fields":{…},"responses":{"QUESTION":[{"value","user_id"}]}}, or flat "QUESTION.responses""#
    private let options: ImportOptions

    init(_ options: ImportOptions) { self.options = options }

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        let responses = try self.responses(row)
        let isNested = row.json("fields")?.members != nil
        let fields = RowObject(row.json("fields")?.members ?? row.members)
        let record = ArgillaRecord(
            fields, id: PairParts.text(row, ["id", "_server_id"]) ?? "\(place.file):\(place.number)",
            isNested: isNested, options)
        var results: [LabelResult] = []
        for response in responses {
            guard let user = response.user ?? options.annotator else {
                throw RowProblem("a response names no user; --annotator NAME names one for all")
            }
            switch response.status {
            case "submitted", nil: results += try votes(response.value, user, record)
            case "discarded"?: results += try record.skip(user)
            case let status?: results.append(LabelResult(status, unused: "the response is not submitted"))
            }
        }
        return results
    }

    private struct Response {
        var value: JSONValue
        var user: String?
        var status: String?
    }

    /// Those of the one question that is asked for, or that there is.
    private func responses(_ row: RowObject) throws(RowProblem) -> [Response] {
        switch row.json("responses") {
        case .array(let list)?:
            var responses: [Response] = []
            for element in list { if let response = try first(element) { responses.append(response) } }
            return responses
        case .object(let questions)?:
            let question = try name(among: questions.map(\.key))
            return (row.json("responses")?[question]?.array ?? []).map { element in
                Response(
                    value: element["value"] ?? .null, user: Self.text(element["user_id"]),
                    status: element["status"]?.string)
            }
        default:
            let suffix = ".responses"
            let question = try name(
                among: row.members.map(\.key).filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) })
            let users = row.json(question + ".responses.users")?.array ?? []
            let states = row.json(question + ".responses.status")?.array ?? []
            return (row.json(question + suffix)?.array ?? []).enumerated().map { index, value in
                Response(
                    value: value, user: users.indices.contains(index) ? Self.text(users[index]) : nil,
                    status: states.indices.contains(index) ? states[index].string : nil)
            }
        }
    }

    /// Version 1: one object a user, with the values of all questions.
    private func first(_ element: JSONValue) throws(RowProblem) -> Response? {
        let status = element["status"]?.string
        let values = element["values"]?.members ?? []
        guard !values.isEmpty else {
            return Response(value: .null, user: Self.text(element["user_id"]), status: status ?? "empty")
        }
        let question = try name(among: values.map(\.key))
        guard let value = element["values"]?[question]?["value"] else { return nil }
        return Response(value: value, user: Self.text(element["user_id"]), status: status)
    }

    private func name(among questions: [String]) throws(RowProblem) -> String {
        if let question = options.question {
            guard questions.contains(question) else {
                throw RowProblem("there is no question '\(question)'; there are: \(questions.joined(separator: ", "))")
            }
            return question
        }
        guard let question = questions.first else { throw RowProblem("there are no responses") }
        guard questions.count == 1 else {
            throw RowProblem("name the question with --question; there are: \(questions.joined(separator: ", "))")
        }
        return question
    }

    private static func text(_ value: JSONValue?) -> String? { value?.string ?? value?.integer.map { "\($0)" } }

    private func votes(_ value: JSONValue, _ user: String, _ record: ArgillaRecord) throws(RowProblem) -> [LabelResult]
    {
        switch value {
        case .array(let ranking): return try record.ranking(ranking, user)
        case .string(let label): return [try record.label(label, user)]
        case .null: return [LabelResult("empty", unused: "the response has no value")]
        default: throw RowProblem("a response is \(value.typeName); only labels and rankings are votes")
        }
    }
}

/// The fields of one record, and votes on them.
private struct ArgillaRecord {
    private let fields: RowObject
    private let id: String
    private let isNested: Bool
    private let options: ImportOptions

    init(_ fields: RowObject, id: String, isNested: Bool, _ options: ImportOptions) {
        self.fields = fields
        self.id = id
        self.isNested = isNested
        self.options = options
    }

    private func answer(_ key: String) throws(RowProblem) -> Answer {
        guard let text = TextOf.conversation(fields.json(key)) else {
            throw RowProblem("there is no field '\(key)' with a text")
        }
        return Answer(id: StableHash.name(text), source: PairParts.text(fields, ["\(key)_model"]), text: text)
    }

    private func sides() throws(RowProblem) -> (Answer, Answer) {
        guard let left = options.left, let right = options.right else {
            let keys = isNested ? " (there are: \(fields.members.map(\.key).joined(separator: ", ")))" : ""
            throw RowProblem("name the fields of the answers with --left KEY --right KEY\(keys)")
        }
        let answers = (try answer(left), try answer(right))
        guard answers.0.id != answers.1.id else { throw RowProblem("'\(left)' and '\(right)' are the same") }
        return answers
    }

    private func vote(_ left: Answer, _ right: Answer, _ user: String, _ verdict: Verdict) -> Vote {
        let prompt = TextOf.conversation(fields.json(options.prompt ?? "prompt")) ?? ""
        var vote = Vote(
            task: id, promptID: prompt.isEmpty ? id : StableHash.name(prompt), prompt: prompt, left: left, right: right,
            annotator: user, verdict: verdict)
        for key in options.groups { vote.groups[key] = PairParts.text(fields, [key]) }
        return vote
    }

    func skip(_ user: String) throws(RowProblem) -> [LabelResult] {
        guard options.left != nil, options.right != nil else {
            return [LabelResult("discarded", unused: "a ranking was discarded")]
        }
        let (left, right) = try sides()
        return [LabelResult("discarded", vote(left, right, user, .skip))]
    }

    func label(_ label: String, _ user: String) throws(RowProblem) -> LabelResult {
        let (left, right) = try sides()
        let known: Verdict? =
            label == options.left || label == "left"
            ? .left : label == options.right || label == "right" ? .right : Verdict(rawValue: label)
        guard let verdict = options.labels[label] ?? known else {
            throw RowProblem("the label '\(label)' is unknown; --label '\(label)=VERDICT' says what it means")
        }
        return LabelResult(label, vote(left, right, user, verdict))
    }

    /// All pairs of a ranking, each with 1 / C(K, 2) of a vote. Equal ranks are ties.
    func ranking(_ list: [JSONValue], _ user: String) throws(RowProblem) -> [LabelResult] {
        var ranks: [(name: String, rank: Double)] = []
        for element in list {
            guard let name = element["value"]?.string, let rank = element["rank"]?.double, rank.isFinite else {
                throw RowProblem(#"a ranking must be a list of {"value","rank"}"#)
            }
            ranks.append((name, rank))
        }
        guard ranks.count > 1 else {
            return [LabelResult("ranking", unused: "a ranking of one answer is no preference")]
        }
        guard ranks.count <= 50 else { throw RowProblem("a ranking of \(ranks.count) answers is too long; 50 at most") }
        // Fields are shown in the order of the record.
        let shown = fields.members.map(\.key)
        ranks.sort { a, b in
            (shown.firstIndex(of: a.name) ?? .max, a.name) < (shown.firstIndex(of: b.name) ?? .max, b.name)
        }
        let weight = 2 / Double(ranks.count * (ranks.count - 1))
        var results: [LabelResult] = []
        for (index, first) in ranks.enumerated() {
            for second in ranks[(index + 1)...] {
                let (left, right) = (try answer(first.name), try answer(second.name))
                let label = "ranking of \(ranks.count)"
                guard left.id != right.id else {
                    results.append(LabelResult(label, unused: "both answers are the same"))
                    continue
                }
                let verdict: Verdict = first.rank < second.rank ? .left : first.rank > second.rank ? .right : .tie
                var vote = self.vote(left, right, user, verdict)
                vote.ranking = "\(id):\(user)"
                vote.weight = weight
                results.append(LabelResult(label, vote))
            }
        }
        return results
    }
}
