import Foundation
import Testing

@testable import Rewards

@Suite struct RewardFormatTests {
    private let inputs = [
        RewardInput(prompt: "a ", response: "b", tokens: 1), RewardInput(prompt: "c ", response: "d\n\"", tokens: 2),
    ]

    private func values(_ format: RewardFormat, _ text: String, count: Int = 2) throws -> [Float?] {
        try format.scores(Data(text.utf8), count: count).values
    }

    @Test func plainCarriesPromptsResponsesAndBothJoined() throws {
        let body = try JSONDecoder().decode(
            [String: [String]].self, from: RewardFormat.plain(labelKey: "label").body(inputs[...]))
        #expect(body == ["prompts": ["a ", "c "], "responses": ["b", "d\n\""], "query": ["a b", "c d\n\""]])
        #expect(try values(.plain(labelKey: "label"), #"{"rewards": [1, null], "more": "x"}"#) == [1, nil])
    }

    /// Verifiers answer right or wrong, as commands may.
    @Test func booleansAreOneAndZero() throws {
        #expect(try values(.plain(labelKey: "label"), #"{"rewards": [true, false]}"#) == [1, 0])
        #expect(try values(.openai(model: nil), #"{"data": [{"score": false}, {"score": true}]}"#) == [0, 1])
    }

    @Test func openaiCarriesTheModelAndReadsScoresProbabilitiesAndPooledValues() throws {
        struct Question: Decodable, Equatable { var model: String?; var input: [String] }
        let body = RewardFormat.openai(model: "rm").body(inputs[1...])
        #expect(try JSONDecoder().decode(Question.self, from: body) == Question(model: "rm", input: ["c d\n\""]))
        let format = RewardFormat.openai(model: nil)
        #expect(try values(format, #"{"data":[{"index":1,"score":2},{"index":0,"score":-1.5}]}"#) == [-1.5, 2])
        #expect(try values(format, #"{"data":[{"score":2},{"score":null}]}"#) == [2, nil])
        #expect(try values(format, #"{"data":[{"index":0,"probs":[0.25]}]}"#, count: 1) == [0.25])
        #expect(
            try values(format, #"{"data":[{"index":0,"data":[[0.5],[0.75]]},{"index":1,"data":[3]}]}"#) == [0.75, 3])
    }

    @Test(arguments: [
        "", "<html>", "[]", "{}", #"{"rewards": 3}"#, #"{"rewards": [1]}"#, #"{"rewards": [1, 2, 3]}"#,
        #"{"rewards": [1, 2]"#,
    ])
    func plainRefuses(_ text: String) {
        #expect(throws: RewardError.self) { try values(.plain(labelKey: "label"), text) }
    }

    @Test(arguments: [
        "{}", #"{"data": [{"score": 1}]}"#, #"{"data": [{"index": 0, "score": 1}, {"index": 0, "score": 1}]}"#,
        #"{"data": [{"index": 0, "score": 1}, {"index": 2, "score": 1}]}"#,
        #"{"data": [{"index": -1, "score": 1}, {"index": 0, "score": 1}]}"#,
        #"{"data": [{"index": 1e30, "score": 1}, {"index": 0, "score": 1}]}"#,
        #"{"data": [{"index": 0, "score": null}, {"index": 0, "score": 1}]}"#,
        #"{"data": [{"probs": [0.5, 0.5]}, {"score": 1}]}"#,
    ])
    func openaiRefuses(_ text: String) {
        #expect(throws: RewardError.self) { try values(.openai(model: nil), text) }
    }

    @Test func sglangCarriesTextsAndReadsEmbeddings() throws {
        let format = RewardFormat.sglang(model: nil)
        #expect(String(decoding: format.body(inputs[..<1]), as: UTF8.self) == #"{"text": ["a b"]}"#)
        #expect(
            try values(format, #"[{"embedding": [0.5], "meta_info": {}}, {"embedding": [-2]}]"#) == [0.5, -2])
        #expect(try values(format, #"{"embedding": [0.5]}"#, count: 1) == [0.5])
        for text in ["{}", "[]", #"[{"embedding": [1]}]"#, #"[{"embedding": [1, 2]}, {"embedding": [1]}]"#, "[1, 2]"] {
            #expect(throws: RewardError.self) { try values(format, text) }
        }
    }

    @Test(arguments: [
        #"{"rewards": [NaN, 1]}"#, #"{"rewards": [1e300, 1]}"#, #"{"rewards": [1e999, 1]}"#, #"{"rewards": ["1", 1]}"#,
        #"{"rewards": [[], 1]}"#,
    ])
    func oneBadValueCostsOneAnswer(_ text: String) throws {
        let scores = try RewardFormat.plain(labelKey: "label").scores(Data(text.utf8), count: 2)
        #expect(scores.values == [nil, 1] && scores.problem?.contains("text 0") == true)
        let other = text.replacing(#"{"rewards": ["#, with: #"{"data": [{"score": "#)
            .replacing(", 1]}", with: #"}, {"score": 1}]}"#)
        #expect(try values(.openai(model: nil), other) == [nil, 1])
    }

    /// Notes travel in messages of limited size, so a long text in place of a score is cut off.
    @Test(arguments: [
        "\"\(String(repeating: "x", count: 1 << 20))\"", "\"e\(String(repeating: "\u{301}", count: 1 << 19))\"",
        "[\(String(repeating: "0, ", count: 1 << 18))0]",
    ])
    func aLongTextInPlaceOfAScoreIsCut(_ text: String) throws {
        let scores = try RewardFormat.plain(labelKey: "label").scores(
            Data("{\"rewards\": [\(text), 1]}".utf8), count: 2)
        let problem = try #require(scores.problem)
        #expect(scores.values == [nil, 1] && problem.utf8.count < 1000 && problem.contains("..."))
        for key in ["score", "error"] {
            let refusal = try #require(CommandAnswer(line: "{\"\(key)\": \(text)}".utf8)?.refusal)
            #expect(refusal.utf8.count < 1000 && refusal.contains("..."))
        }
    }

    @Test func textsAreWhatTheInputSays() {
        let whole = RewardInput(prompt: "a", response: "b", text: "<s>user: a\nb</s>", tokens: 1)
        #expect(String(decoding: RewardFormat.openai(model: nil).body([whole]), as: UTF8.self).contains("<s>user"))
    }

    @Test func aFunctionThatNobodyRegisteredIsNamedWithThoseThatAre() throws {
        let error = #expect(throws: RewardError.self) { try SwiftRewards.make("nonsense", name: "x") }
        #expect(error?.message.contains("'nonsense'") == true && error?.message.contains("distinct_words") == true)
        let words = [RewardInput(prompt: "", response: "Good, good film.", tokens: 5)]
        #expect(DistinctWordsReward(name: "x").score(words) == [Float(2) / 3])
    }
}
