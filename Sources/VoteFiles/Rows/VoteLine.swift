package import Preferences
import Tokenizers

/// Writes votes as rows, one a line, that ``VoteRow`` reads back the same.
package enum VoteLine {
    /// The row, without the end of the line. Left and right are in the order shown, times in UTC, the winner by id.
    package static func text(_ vote: Vote) -> String {
        var members: [JSONValue.Member] = [
            .init("task", .string(vote.task)), .init("prompt_id", .string(vote.promptID)),
        ]
        if !vote.prompt.isEmpty { members.append(.init("prompt", .string(vote.prompt))) }
        members += [
            .init("left", answer(vote.left)), .init("right", answer(vote.right)),
            .init("annotator", .string(vote.annotator)), .init("verdict", .string(vote.verdict.rawValue)),
        ]
        func add(_ key: String, _ value: JSONValue?) { if let value { members.append(.init(key, value)) } }
        add("winner", vote.winner.map { .string($0) })
        add("strength", vote.strength.map { .integer($0) })
        add("probability_left", vote.probability.map { .number($0) })
        add("shown_at", vote.shownAt.map { .string(VoteTime.text($0)) })
        add("voted_at", vote.votedAt.map { .string(VoteTime.text($0)) })
        add("seconds", vote.seconds.map { .number($0) })
        add("idle_seconds", vote.idleSeconds.map { .number($0) })
        add("flags", vote.flags.isEmpty ? nil : object(vote.flags.mapValues { .array($0.map { .string($0) }) }))
        add("gold", vote.isGold ? .bool(true) : nil)
        add("expected", vote.expected.map { .string($0.rawValue) })
        add("groups", vote.groups.isEmpty ? nil : object(vote.groups.mapValues { .string($0) }))
        add("split", vote.split.map { .string($0) })
        add("session", vote.session.map { .string($0) })
        add("language", vote.language.map { .string($0) })
        add("ranking", vote.ranking.map { .string($0) })
        add("weight", vote.weight == 1 ? nil : .number(vote.weight))
        add("order_known", vote.isOrderKnown ? nil : .bool(false))
        return JSONValue.object(members).json
    }

    private static func answer(_ answer: Answer) -> JSONValue {
        var members: [JSONValue.Member] = [.init("id", .string(answer.id))]
        if let source = answer.source { members.append(.init("source", .string(source))) }
        if !answer.text.isEmpty { members.append(.init("text", .string(answer.text))) }
        if let style = answer.style {
            members += [
                .init("tokens", .number(style.length)), .init("headers", .number(style.headers)),
                .init("lists", .number(style.lists)), .init("bold", .number(style.bold)),
            ]
        }
        return .object(members)
    }

    private static func object(_ values: [String: JSONValue]) -> JSONValue {
        .object(values.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) })
    }
}
