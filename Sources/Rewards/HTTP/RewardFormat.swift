package import Foundation
import Tokenizers

/// What goes to a reward server and what it answers, both JSON.
///
/// `plain` is what OpenRLHF's users have (its `remote_rm_url` servers read `query`, those made after it often
/// `prompts` and `responses`; one request carries all three):
///
///     POST {"prompts": [...], "responses": [...], "query": [text, ...]}
///          {"rewards": [0.3, null, ...]}                     null: this answer could not be scored
///
/// Where lines of prompts have more columns than the prompt, the request also has `"extra"`, an object for each answer, and
/// `"labels"`, the value of the column `label_key` for each answer (null where the line has none). `"messages"` are the
/// turns of prompts that are conversations.
///
/// `openai` is the shape that vLLM gives `/classify`, `/pooling` and their like:
///
///     POST {"model": "...", "input": [text, ...]}
///          {"data": [{"index": 0, "score": 0.3}, ...]}       or "probs": [0.3]  (/classify, one class)
///                                                            or "data": [[0.1], [0.3]]  (/pooling; the last token's)
///
/// `sglang` is that of SGLang's own `/classify`:
///
///     POST {"model": "...", "text": [text, ...]}
///          [{"embedding": [0.3]}, ...]                       one object in place of the list for one text
///
/// A text is ``RewardInput/text``. A value that is no finite number costs its answer alone; an answer of another shape is
/// an error for all of them.
package enum RewardFormat: Sendable {
    case plain(labelKey: String)
    case openai(model: String?)
    case sglang(model: String?)

    /// What came back: a value for each question in its order, and why some are nil.
    package struct Scores: Sendable, Equatable {
        package var values: [Float?]
        package var problem: String?
    }

    package func body(_ inputs: ArraySlice<RewardInput>) -> Data {
        let members =
            switch self {
            case .plain(let labelKey): Self.plain(inputs, labelKey)
            case .openai(let model): Self.named(model) + [.init("input", Self.texts(inputs.map(\.text)))]
            case .sglang(let model): Self.named(model) + [.init("text", Self.texts(inputs.map(\.text)))]
            }
        return Data(JSONValue.object(members).finite.json.utf8)
    }

    private static func plain(_ inputs: ArraySlice<RewardInput>, _ labelKey: String) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("prompts", texts(inputs.map(\.prompt))), .init("responses", texts(inputs.map(\.response))),
            .init("query", texts(inputs.map(\.text))),
        ]
        if inputs.contains(where: { $0.extra.members?.isEmpty == false }) {
            members.append(.init("labels", .array(inputs.map { $0.extra[labelKey] ?? .null })))
            members.append(.init("extra", .array(inputs.map(\.extra))))
        }
        if inputs.contains(where: { $0.messages != nil }) {
            members.append(.init("messages", .array(inputs.map { $0.messages ?? .null })))
        }
        return members
    }

    /// Whether a request holds null in place of a column's NaN or Infinity.
    func loses(_ inputs: [RewardInput]) -> Bool {
        if case .plain = self { return inputs.contains { $0.hasNumbersBeyondJSON } }
        return false
    }

    private static func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
    private static func named(_ model: String?) -> [JSONValue.Member] {
        model.map { [.init("model", .string($0))] } ?? []
    }

    /// - Throws: ``RewardError`` when the answer has not one item for each question.
    package func scores(_ answer: Data, count: Int) throws -> Scores {
        // Python's servers write NaN, which is no JSON and no reason to lose the answers beside it.
        guard let document = try? JSONValue(line: answer) else { throw Self.unreadable(answer) }
        let items: [JSONValue]
        switch self {
        case .plain:
            guard let rewards = document["rewards"]?.array else { throw Self.unreadable(answer) }
            items = try Self.counted(rewards, count)
        case .openai:
            guard let data = document["data"]?.array else { throw Self.unreadable(answer) }
            items = try Self.ordered(Self.counted(data, count)).map(Self.openaiValue)
        case .sglang:
            let list = count == 1 && document.members != nil ? [document] : document.array
            guard let list else { throw Self.unreadable(answer) }
            items = try Self.counted(list, count).map { item in
                guard let embedding = item["embedding"] else { throw Self.unreadable(answer) }
                return try Self.only(embedding)
            }
        }
        return Self.finite(items)
    }

    private static func counted(_ items: [JSONValue], _ count: Int) throws -> [JSONValue] {
        guard items.count == count else { throw RewardError("\(items.count) scores came for \(count) answers") }
        return items
    }

    /// By `index`, where items have one.
    private static func ordered(_ items: [JSONValue]) throws -> [JSONValue] {
        var sorted = [JSONValue?](repeating: nil, count: items.count)
        for (position, item) in items.enumerated() {
            let index =
                switch item["index"] {
                case nil, .null: position
                case .integer(let index): index
                default: -1
                }
            guard sorted.indices.contains(index), sorted[index] == nil else {
                throw RewardError("an index came twice or is outside of 0 to \(items.count - 1)")
            }
            sorted[index] = item
        }
        return sorted.map { $0 ?? .null }
    }

    private static func openaiValue(_ item: JSONValue) throws -> JSONValue {
        if let score = item["score"] { return score }
        if let probabilities = item["probs"] { return try only(probabilities) }
        var pooled = item["data"] ?? .null
        // A value for a text, or one for each token, of which the last one counts.
        while case .array(let list) = pooled { pooled = list.last ?? .null }
        return pooled
    }

    /// The one value of a model with one class.
    private static func only(_ list: JSONValue) throws -> JSONValue {
        guard let values = list.array else { return list }
        guard values.count == 1 else {
            throw RewardError("the model has \(values.count) classes; a reward model has one")
        }
        return values[0]
    }

    private static func finite(_ items: [JSONValue]) -> Scores {
        var scores = Scores(values: [], problem: nil)
        for (index, item) in items.enumerated() {
            let value: Float? =
                switch item {
                // Right or wrong, as verifiers answer.
                case .bool(let isTrue): isTrue ? 1 : 0
                default: item.double.map { Float($0) }
                }
            if let value, value.isFinite {
                scores.values.append(value)
            } else {
                scores.values.append(nil)
                guard item != .null, scores.problem == nil else { continue }
                scores.problem = "the score of text \(index) is \(item.json.excerpt()), no finite number"
            }
        }
        return scores
    }

    private static func unreadable(_ answer: Data) -> RewardError {
        let start = String(decoding: answer.prefix(80), as: UTF8.self).excerpt()
        return RewardError("the answer is not the JSON of this format; it starts with '\(start)'")
    }
}
