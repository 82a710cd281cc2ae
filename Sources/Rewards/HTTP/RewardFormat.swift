package import Foundation
import Tokenizers

/// What goes to a reward server and what it answers, both JSON.
///
/// `plain` is what OpenRLHF's users have (its `remote_rm_url` servers read `query`, those made after it often
/// `prompts` and `responses`; one request carries all three):
///
///     POST {"prompts": [...], "responses": [...], "query": [prompt + response, ...]}
///          {"rewards": [0.3, null, ...]}                     null: this answer could not be scored
///
/// Where lines of prompts have more columns than the prompt, the request also has `"extra"`, an object for each answer, and
/// `"labels"`, the value of the column `label_key` for each answer (null where the line has none). `"messages"` are the
/// turns of prompts that are conversations.
///
/// `openai` is the shape that vLLM and SGLang give `/classify`, `/pooling` and their like:
///
///     POST {"model": "...", "input": [prompt + response, ...]}
///          {"data": [{"index": 0, "score": 0.3}, ...]}       or "probs": [0.3]  (/classify, one class)
///                                                            or "data": [[0.1], [0.3]]  (/pooling; the last token's)
package enum RewardFormat: Sendable {
    case plain(labelKey: String)
    case openai(model: String?)

    package func body(_ inputs: ArraySlice<RewardInput>) throws -> Data {
        let whole = inputs.map { $0.prompt + $0.response }
        switch self {
        case .plain(let labelKey): return Self.plain(inputs, query: whole, labelKey)
        case .openai(let model): return try JSONEncoder().encode(Question(model: model, input: whole))
        }
    }

    private static func plain(_ inputs: ArraySlice<RewardInput>, query: [String], _ labelKey: String) -> Data {
        func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        var members: [JSONValue.Member] = [
            .init("prompts", texts(inputs.map(\.prompt))), .init("responses", texts(inputs.map(\.response))),
            .init("query", texts(query)),
        ]
        if inputs.contains(where: { $0.extra.members?.isEmpty == false }) {
            members.append(.init("labels", .array(inputs.map { $0.extra[labelKey] ?? .null })))
            members.append(.init("extra", .array(inputs.map(\.extra))))
        }
        if inputs.contains(where: { $0.messages != nil }) {
            members.append(.init("messages", .array(inputs.map { $0.messages ?? .null })))
        }
        return Data(JSONValue.object(members).finite.json.utf8)
    }

    /// The values in the order of the question.
    ///
    /// - Throws: ``RewardError`` for everything but one finite number or null for each input.
    package func values(_ answer: Data, count: Int) throws -> [Float?] {
        switch self {
        case .plain:
            let rewards = try Self.decode(PlainAnswer.self, answer).rewards
            guard rewards.count == count else {
                throw RewardError("\(rewards.count) rewards came for \(count) answers")
            }
            return try rewards.map(Self.finite)
        case .openai:
            let items = try Self.decode(Answer.self, answer).data
            guard items.count == count else { throw RewardError("\(items.count) scores came for \(count) answers") }
            var values: [Float??] = Array(repeating: nil, count: count)
            for (position, item) in items.enumerated() {
                let index = item.index ?? position
                guard values.indices.contains(index), values[index] == nil else {
                    throw RewardError("index \(index) came twice or is outside of 0 to \(count - 1)")
                }
                values[index] = .some(try Self.finite(item.value()))
            }
            return values.map { $0 ?? nil }
        }
    }

    private static func finite(_ value: Double?) throws -> Float? {
        guard let value else { return nil }
        let narrow = Float(value)
        guard narrow.isFinite else { throw RewardError("a score is no finite number") }
        return narrow
    }

    private static func decode<T: Decodable>(_ type: T.Type, _ answer: Data) throws -> T {
        do {
            return try JSONDecoder().decode(type, from: answer)
        } catch {
            let start = String(decoding: answer.prefix(80), as: UTF8.self)
            throw RewardError("the answer is not the JSON of this format; it starts with '\(start)'")
        }
    }

    private struct PlainAnswer: Decodable { var rewards: [Double?] }
    private struct Question: Encodable { var model: String?; var input: [String] }
    private struct Answer: Decodable { var data: [Item] }

    private struct Item: Decodable {
        var index: Int?
        var score: Double?
        var probs: [Double]?
        var data: Pooled?

        func value() throws -> Double? {
            if let score { return score }
            if let probs {
                guard probs.count == 1 else {
                    throw RewardError("the model has \(probs.count) classes; a reward model has one")
                }
                return probs[0]
            }
            return data?.last
        }
    }

    /// A number, or lists of numbers of any depth (JSONDecoder bounds it): a value for a text, or one for each token.
    private enum Pooled: Decodable {
        case number(Double)
        case list([Pooled])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else {
                self = .list(try container.decode([Pooled].self))
            }
        }

        var last: Double? {
            switch self {
            case .number(let number): number
            case .list(let list): list.last?.last
            }
        }
    }
}
