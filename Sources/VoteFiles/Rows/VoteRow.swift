package import Datasets
import Foundation
package import Preferences
import Tokenizers

/// A row of Skein's own files of votes: one vote a line.
package struct VoteRow: DatasetRow, Equatable {
    package static let shape =
        #"{"task","prompt_id","prompt","left":{"id","source","text"},"right":{…},"annotator","verdict"}"#
    package var vote: Vote

    package init(_ object: RowObject) throws(RowProblem) {
        let left = try Self.answer(object, "left")
        let right = try Self.answer(object, "right")
        let prompt = TextOf.conversation(object.json("prompt")) ?? ""
        let promptID = try Self.name(object, "prompt_id") ?? (prompt.isEmpty ? nil : StableHash.name(prompt))
        guard let promptID else { throw RowProblem("neither 'prompt_id' nor 'prompt' is there") }
        guard left.id != right.id else { throw RowProblem("'left' and 'right' have the same id") }
        guard let annotator = try Self.name(object, "annotator") else {
            throw RowProblem("the key 'annotator' is missing")
        }
        let probability = try Self.probability(object)
        let verdict = try Self.verdict(object, left, right, probability)
        vote = Vote(
            task: try Self.name(object, "task") ?? promptID, promptID: promptID, prompt: prompt, left: left,
            right: right, annotator: annotator, verdict: verdict, probability: probability)
        if object.has("strength") {
            let strength = try object.number("strength")
            guard [1, 2, 3].contains(strength) else { throw RowProblem("'strength' must be 1, 2 or 3") }
            vote.strength = Int(strength)
        }
        vote.shownAt = try Self.time(object, "shown_at")
        vote.votedAt = try Self.time(object, "voted_at")
        vote.seconds = try Self.duration(object, "seconds")
        vote.idleSeconds = try Self.duration(object, "idle_seconds")
        vote.flags = Self.flags(object.json("flags"), left, right)
        try readGold(object)
        vote.groups = Self.groups(object)
        vote.split = try Self.name(object, "split")
        vote.session = try Self.name(object, "session")
        vote.language = try Self.name(object, "language")
        vote.ranking = try Self.name(object, "ranking")
        vote.weight = try Self.weight(object)
        vote.isOrderKnown = object.json("order_known")?.bool ?? true
    }

    private mutating func readGold(_ object: RowObject) throws(RowProblem) {
        switch object.json("gold") {
        case .bool(let flag)?: vote.isGold = flag
        case nil, .null?: break
        default: throw RowProblem("'gold' must be true or false; the right verdict stands in 'expected'")
        }
        guard object.has("expected") else { return }
        guard let expected = Verdict(rawValue: try object.text("expected")), expected != .skip else {
            throw RowProblem("'expected' must be left, right, tie or both_bad")
        }
        vote.expected = expected
    }

    private static func weight(_ object: RowObject) throws(RowProblem) -> Double {
        guard object.has("weight") else { return 1 }
        let weight = try object.number("weight")
        guard weight >= 0, weight <= 1e6 else { throw RowProblem("'weight' must be from 0 to a million") }
        return weight
    }

    private static func answer(_ object: RowObject, _ key: String) throws(RowProblem) -> Answer {
        guard let value = object.json(key), let members = value.members else {
            throw RowProblem(#"'\#(key)' must be an object {"id","source","text"}"#)
        }
        let parts = RowObject(members)
        let text = TextOf.conversation(parts.json("text")) ?? ""
        guard let id = try name(parts, "id") ?? (text.isEmpty ? nil : StableHash.name(text)) else {
            throw RowProblem("'\(key)' has neither 'id' nor 'text'")
        }
        var answer = Answer(id: id, source: try name(parts, "source"), text: text)
        if parts.has("tokens") || parts.has("length") {
            func count(_ key: String) throws(RowProblem) -> Double {
                let value = parts.has(key) ? try parts.number(key) : 0
                guard value >= 0 else { throw RowProblem("'\(key)' must not be negative") }
                return value
            }
            answer.style = StyleCounts(
                length: try count(parts.has("tokens") ? "tokens" : "length"), headers: try count("headers"),
                lists: try count("lists"), bold: try count("bold"))
        }
        return answer
    }

    /// A text, or a number as the file writes it; nil when it is not there or empty.
    static func name(_ object: RowObject, _ key: String) throws(RowProblem) -> String? {
        switch object.json(key) {
        case nil, .null?: return nil
        case .string(let text)?: return text.isEmpty ? nil : text
        case .integer, .largeInteger: return object.json(key)?.json
        case let other?: throw RowProblem("'\(key)' must be a text or an integer, not \(other.typeName)")
        }
    }

    private static func probability(_ object: RowObject) throws(RowProblem) -> Double? {
        guard object.has("probability_left") else { return nil }
        let value = try object.number("probability_left")
        guard (0...1).contains(value) else { throw RowProblem("'probability_left' must be from 0 to 1") }
        return value
    }

    private static func verdict(
        _ object: RowObject, _ left: Answer, _ right: Answer, _ probability: Double?
    ) throws(RowProblem) -> Verdict {
        guard object.has("verdict") else {
            guard let probability else { throw RowProblem("the key 'verdict' is missing") }
            return Soft.verdict(probability)
        }
        let text = try object.text("verdict")
        guard let verdict = Verdict(rawValue: text) else {
            let all = Verdict.allCases.map(\.rawValue).joined(separator: ", ")
            throw RowProblem("'verdict' is '\(text)'; it must be one of \(all)")
        }
        if let winner = try name(object, "winner") {
            let expected: String? =
                switch verdict {
                case .left: left.id
                case .right: right.id
                case .tie, .bothBad, .skip: nil
                }
            guard winner == expected else {
                throw RowProblem("'winner' is '\(winner)', which is not what 'verdict' (\(text)) says")
            }
        }
        return verdict
    }

    private static func time(_ object: RowObject, _ key: String) throws(RowProblem) -> Date? {
        guard object.has(key), let value = object.json(key) else { return nil }
        guard let date = VoteTime.date(value) else {
            throw RowProblem("'\(key)' is no time; write it as 2026-11-30T16:00:35Z")
        }
        return date
    }

    private static func duration(_ object: RowObject, _ key: String) throws(RowProblem) -> Double? {
        guard object.has(key) else { return nil }
        let seconds = try object.number(key)
        guard seconds >= 0, seconds < 1e9 else { throw RowProblem("'\(key)' must be a number of seconds") }
        return seconds
    }

    /// Complaints by answer id: a list of names, or an object whose values say whether each applies. `left` and
    /// `right` stand for the ids.
    private static func flags(_ value: JSONValue?, _ left: Answer, _ right: Answer) -> [String: [String]] {
        var flags: [String: [String]] = [:]
        for member in value?.members ?? [] {
            let names: [String] =
                switch member.value {
                case .array(let list): list.compactMap(\.string)
                case .object(let members): members.filter { $0.value == .bool(true) }.map(\.key)
                case .string(let name): [name]
                default: []
                }
            let id = member.key == "left" ? left.id : member.key == "right" ? right.id : member.key
            if !names.isEmpty { flags[id] = names }
        }
        return flags
    }

    /// `groups`: {"country": "KE"}, or `group` for a single division.
    private static func groups(_ object: RowObject) -> [String: String] {
        var groups: [String: String] = [:]
        for member in object.json("groups")?.members ?? [] {
            if let value = member.value.string { groups[member.key] = value }
        }
        if let group = object.json("group")?.string { groups["group"] = group }
        return groups
    }
}

/// Soft votes as verdicts.
enum Soft {
    static func verdict(_ left: Double) -> Verdict { left > 0.5 ? .left : left < 0.5 ? .right : .tie }
}

/// Texts of prompts and answers in files.
enum TextOf {
    /// A text, or a list of messages joined line by line; nil for anything else.
    static func conversation(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text)?: return text
        case .array(let elements)?:
            let turns = elements.compactMap { element -> String? in
                guard let message = element.members.map({ ChatMessage(.object($0)) }), !message.role.isEmpty else {
                    return element.string
                }
                return "\(message.role): \(message.text)"
            }
            return turns.count == elements.count ? turns.joined(separator: "\n") : nil
        default: return nil
        }
    }

    static func answer(_ text: AnswerText) -> String {
        switch text {
        case .text(let text): text
        case .turns(let turns):
            turns.count == 1 ? turns[0].text : turns.map { "\($0.role): \($0.text)" }.joined(separator: "\n")
        }
    }
}
