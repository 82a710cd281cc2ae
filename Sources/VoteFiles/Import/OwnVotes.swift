import Datasets
import Preferences
import Tokenizers

/// Skein's own rows: pairs, and rankings of several answers.
struct OwnVotes: VoteDialect {
    static let kind = "votes"
    static let summary = "Skein's own rows, as skein feedback export writes them"
    static let shape = VoteRow.shape + #" or {"kind":"ranking","answers":[…],"ranking":[["id"],…]}"#

    private static let mostAnswers = 50

    init(_ options: ImportOptions) {}

    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult] {
        let kind = row.has("kind") ? try row.text("kind") : "pair"
        switch kind {
        case "pair":
            let vote = try VoteRow(row).vote
            return [LabelResult(vote.verdict.rawValue, vote)]
        case "ranking":
            guard row.has("ranking") else { return [LabelResult(kind, unused: "the ranking was skipped")] }
            return try ranking(row, place)
        default: return [LabelResult(kind, unused: "a row of this kind compares nothing")]
        }
    }

    /// All pairs of a ranking, each with 1 / C(K, 2) of a vote: groups of ids, best first; ids of one group are equal.
    private func ranking(_ row: RowObject, _ place: RowPlace) throws(RowProblem) -> [LabelResult] {
        guard let answers = row.json("answers")?.array, let groups = row.json("ranking")?.array else {
            throw RowProblem("'answers' and 'ranking' must be lists")
        }
        guard answers.count <= Self.mostAnswers else {
            throw RowProblem("more than \(Self.mostAnswers) answers are ranked")
        }
        var ranks: [String: Int] = [:]
        for (rank, group) in groups.enumerated() {
            for id in group.array ?? [group] {
                guard let name = id.string, ranks.updateValue(rank, forKey: name) == nil else {
                    throw RowProblem("'ranking' must be a list of lists of ids, each id once")
                }
            }
        }
        // In the order in which they were shown.
        var ranked: [(answer: JSONValue, rank: Int)] = []
        for answer in answers {
            guard let id = answer["id"]?.string else { throw RowProblem("an answer has no 'id'") }
            if let rank = ranks.removeValue(forKey: id) { ranked.append((answer, rank)) }
        }
        if let id = ranks.keys.min() { throw RowProblem("'ranking' names '\(id)', which is no answer, or one twice") }
        guard ranked.count > 1 else {
            return [LabelResult("ranking", unused: "a ranking of one answer compares nothing")]
        }
        let shared = row.members.filter { !["kind", "answers", "ranking", "verdict"].contains($0.key) }
        let name = PairParts.text(row, ["task"]) ?? "\(place.file):\(place.number)"
        let weight = 2 / Double(ranked.count * (ranked.count - 1))
        var results: [LabelResult] = []
        for (index, left) in ranked.enumerated() {
            for right in ranked[(index + 1)...] {
                let verdict: Verdict = left.rank < right.rank ? .left : left.rank > right.rank ? .right : .tie
                let own: [JSONValue.Member] = [
                    .init("left", left.answer), .init("right", right.answer),
                    .init("verdict", .string(verdict.rawValue)),
                    .init("ranking", .string("\(name):\(PairParts.text(row, ["annotator"]) ?? "")")),
                    .init("weight", .number(weight)),
                ]
                var vote = try VoteRow(RowObject(shared + own)).vote
                // The time was spent once.
                if !results.isEmpty { (vote.seconds, vote.idleSeconds) = (nil, nil) }
                results.append(LabelResult("ranking of \(ranked.count)", vote))
            }
        }
        return results
    }
}
