import Foundation
import Testing
import Tokenizers

@testable import Rewards

/// The other columns of a prompt's line reach every kind of reward.
@Suite struct ColumnTests {
    private static func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8, name: "test") }

    private func input(_ extra: String, messages: String? = nil) throws -> RewardInput {
        RewardInput(
            prompt: "p", response: "r\n\"", tokens: 1, extra: try Self.json(extra),
            messages: try messages.map { try Self.json($0) })
    }

    @Test func aCommandGetsThemAsOneObjectAndByName() throws {
        let item = try input(
            #"{"answer": [1, {"é": null}], "response": "not this", "label": 3.5}"#,
            messages: #"[{"role": "user", "content": "p"}]"#)
        #expect(
            try Self.json(CommandReward.question(item).json)
                == Self.json(
                    #"""
                    {"prompt": "p", "response": "r\n\"",
                     "extra": {"answer": [1, {"é": null}], "response": "not this", "label": 3.5},
                     "messages": [{"role": "user", "content": "p"}], "answer": [1, {"é": null}], "label": 3.5}
                    """#))
    }

    /// JSON has no way to write them; Python's rows may hold them.
    @Test func numbersThatAreNotFiniteAreNull() throws {
        let extra = JSONValue.object([.init("label", .number(.nan)), .init("all", .array([.number(-.infinity)]))])
        let item = RewardInput(prompt: "p", response: "r", tokens: 1, extra: extra)
        let line = try Self.json(CommandReward.question(item).json)
        #expect(line["label"] == .null && line["extra"]?["all"] == .array([.null]))
        let body = try JSONValue(parsing: RewardFormat.plain(labelKey: "label").body([item]), name: "body")
        #expect(body["labels"] == .array([.null]))
    }

    @Test func aCommandWithoutThemGetsAnEmptyObject() throws {
        #expect(CommandReward.question(try input("{}")).json == #"{"prompt": "p", "response": "r\n\"", "extra": {}}"#)
    }

    @Test func aServerGetsLabelsAndWholeRows() throws {
        let inputs = [try input(#"{"label": 1, "answer": "x"}"#), try input(#"{"answer": "y"}"#), try input("{}")]
        let body = RewardFormat.plain(labelKey: "label").body(inputs[...])
        let question = try JSONValue(parsing: body, name: "body")
        #expect(question["labels"] == .array([.integer(1), .null, .null]))
        #expect(question["extra"]?.array?.map { $0["answer"] } == [.string("x"), .string("y"), nil])
        #expect(question["messages"] == nil && question["prompts"]?.array?.count == 3)
        let other = try JSONValue(parsing: RewardFormat.plain(labelKey: "answer").body(inputs[...]), name: "body")
        #expect(other["labels"] == .array([.string("x"), .string("y"), .null]))
    }

    /// A real process, alive over two jobs.
    @Test func aProgramScoresByTheAnswerOfTheLine() async throws {
        let program = """
            import json, sys
            for line in sys.stdin:
                row = json.loads(line)
                print(json.dumps({"score": float(row["response"] == row["extra"]["answer"] == row["answer"])}), flush=True)
            """
        let reward = CommandReward(name: "c", argv: ["python3", "-c", program], timeout: 30, retries: 0)
        func input(_ response: String) throws -> RewardInput {
            RewardInput(prompt: "", response: response, tokens: 1, extra: try Self.json(#"{"answer": "日\n2"}"#))
        }
        #expect(try await reward.score([input("日\n2"), input("2")]) == [1, 0])
        #expect(try await reward.score([input("日\n2")]) == [1])
    }
}
