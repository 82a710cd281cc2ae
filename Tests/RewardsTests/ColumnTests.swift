import Foundation
import Synchronization
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

    /// A program that gets null for a number is no secret.
    @Test(arguments: ["NaN", "[1e999]", #"{"x": -Infinity}"#])
    func nullInPlaceOfANumberIsNoted(_ value: String) async throws {
        let program = "import sys\nfor line in sys.stdin: print('{\"score\": 1}', flush=True)"
        let reward = CommandReward(name: "c", argv: ["python3", "-c", program], timeout: 30, retries: 0)
        let notes = Mutex<[String]>([])
        let context = RewardContext(progress: { true }, note: { note in notes.withLock { $0.append(note) } })
        func scores(_ extra: String) async throws -> [Float?] {
            let columns = try RewardColumns(extra: extra, conversation: "")
            let input = RewardInput(prompt: "p", response: "r", tokens: 1, extra: columns.extra)
            #expect(RewardFormat.plain(labelKey: "x").loses([input]) == (extra != #"{"a": 1}"#))
            return try await reward.score([input], context: context)
        }
        #expect(try await scores(#"{"a": 1}"#) == [1] && notes.withLock { $0 }.isEmpty)
        #expect(try await scores(#"{"a": \#(value)}"#) == [1])
        #expect(notes.withLock { $0 }.count == 1 && notes.withLock { $0 }[0].contains("got null"))
    }

    /// From the line of the file to what rewards read, through the text that travels.
    @Test(arguments: ["12345678901234567891", "18446744073709551615", "-9223372036854775809", "9223372036854775807"])
    func integersOfAnySizeArriveAsTheyWereWritten(_ number: String) throws {
        let row = try JSONValue(line: #"{"answer": \#(number)}"#.utf8)
        let columns = try RewardColumns(extra: row.json, conversation: "")
        let item = RewardInput(prompt: "p", response: "so it is \(number)", tokens: 1, extra: columns.extra)
        let question = CommandReward.question(item).json
        #expect(question.contains(#""answer": \#(number)}"#), "\(question)")
        let body = String(decoding: RewardFormat.plain(labelKey: "answer").body([item]), as: UTF8.self)
        #expect(body.contains(#""labels": [\#(number)]"#), "\(body)")
        let near = RewardInput(
            prompt: "p", response: number.dropLast() + (number.last == "1" ? "2" : "1"), tokens: 1, extra: columns.extra
        )
        let math = MathReward(name: "m", answerKey: "answer", matchScore: 1, missScore: 0)
        #expect(math.score([item, near]) == [1, 0])
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
