import Foundation
import Synchronization
import Testing

@testable import Rewards

/// Real programs with the faults that programs have. Each scores an answer by its number of characters.
@Suite(.serialized) struct CommandTests {
    private static let loop = """
        import json, os, signal, sys, time
        def say(text): sys.stdout.write(text); sys.stdout.flush()
        for line in sys.stdin:
            row = json.loads(line); word = row["response"]; score = len(word)

        """

    private let inputs = ["a", "bb", "ccc", "dddd", "eeeee"].map { RewardInput(prompt: "p", response: $0, tokens: 1) }
    private let expected: [Float?] = [1, 2, 3, 4, 5]

    private func run(
        _ body: String, retries: Int = 1, timeout: Double = 30, jobs: Int = 1
    ) async throws -> (values: [Float?], notes: [String]) {
        let program = Self.loop + body.split(separator: "\n").map { "    \($0)\n" }.joined()
        let python = ProcessInfo.processInfo.environment["SKEIN_PYTHON"] ?? "/usr/bin/python3"
        let reward = CommandReward(name: "r", argv: [python, "-c", program], timeout: timeout, retries: retries)
        let notes = Mutex<[String]>([])
        var values: [Float?] = []
        for _ in 0..<jobs {
            values = try await reward.score(
                inputs, context: RewardContext(progress: { true }, note: { note in notes.withLock { $0.append(note) } })
            )
        }
        return (values, notes.withLock { $0 })
    }

    private static let answer = #"say(json.dumps({"score": score}) + "\n")"#

    @Test func allAnswersOfAJobAreThereAtOnce() async throws {
        // Answers nothing before it has read all five.
        let program = """
            rows = globals().setdefault("rows", []); rows.append(score)
            if len(rows) == 5:
                say("".join(json.dumps({"score": s}) + "\\n" for s in rows)); rows.clear()
            """
        let result = try await run(program, jobs: 2)
        #expect(result.values == expected && result.notes.isEmpty, "\(result)")
    }

    @Test func answersWithTheirNumberComeInAnyOrder() async throws {
        let program = """
            rows = globals().setdefault("rows", []); rows.append({"score": score, "request_id": row["request_id"]})
            if len(rows) == 5:
                say("".join(json.dumps(r) + "\\n" for r in reversed(rows))); rows.clear()
            """
        let result = try await run(program, jobs: 2)
        #expect(result.values == expected && result.notes.isEmpty, "\(result)")
    }

    /// As pandas or a spreadsheet gives numbers back.
    @Test(arguments: ["str(n)", "float(n)", "n"]) func aNumberIsTheSameInEachOfItsForms(_ form: String) async throws {
        let program = """
            n = row["request_id"]; rows = globals().setdefault("rows", []); rows.append({"score": score, "request_id": \(form)})
            if len(rows) == 5:
                say("".join(json.dumps(r) + "\\n" for r in reversed(rows))); rows.clear()
            """
        let result = try await run(program, jobs: 2)
        #expect(result.values == expected && result.notes.isEmpty, "\(result)")
    }

    /// One after another in any order; a place would give the scores of others.
    @Test(arguments: [
        (#"{"score": score, "request_id": "no. 3" if word == "ccc" else n}"#, #""no. 3", which is not open"#),
        (#"{"score": score, "request_id": 2.5 if word == "ccc" else n}"#, "2.5, which is not open"),
        (#"{"score": score, "request_id": [n] if word == "ccc" else n}"#, "which is not open"),
        (#"{"score": score} if word == "ccc" else {"score": score, "request_id": n}"#, "and not with others"),
        (#"{"score": score, "request_id": n} if word == "ccc" else {"score": score}"#, "and not with others"),
    ])
    func anUnknownNumberShiftsNoScore(_ answer: String, _ note: String) async throws {
        let program = """
            n = row["request_id"]; rows = globals().setdefault("rows", []); rows.append(\(answer))
            if len(rows) == 5:
                say("".join(json.dumps(r) + "\\n" for r in reversed(rows))); rows.clear()
            """
        let result = try await run(program, retries: 0)
        #expect(zip(result.values, expected).allSatisfy { $0 == nil || $0 == $1 }, "\(result)")
        #expect(result.notes.contains { $0.contains(note) }, "\(result.notes)")
    }

    /// Each silence is waited for; one answer that came before does not make the others worth it. But one prompt may be what
    /// the program hangs at, which is no reason to leave those behind it without a score.
    @Test(arguments: [(false, 4), (true, 5)])
    func aProgramThatHangsAfterOneAnswerIsGivenUp(_ isOnePrompt: Bool, _ starts: Int) async throws {
        let inputs = inputs.map {
            RewardInput(prompt: isOnePrompt ? "p" : "p\($0.response)", response: $0.response, tokens: 1)
        }
        let mark = FileManager.default.temporaryDirectory.appending(path: "skein-hang-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let program = """
            if [ ! -e \(mark) ]; then read line; echo '{"score": 1, "request_id": 0}'; fi
            echo started >> \(mark); exec sleep 60
            """
        let reward = CommandReward(name: "r", argv: ["/bin/sh", "-c", program], timeout: 1, retries: 1)
        let notes = Mutex<[String]>([])
        let values = try await reward.score(
            inputs, context: RewardContext(progress: { true }, note: { note in notes.withLock { $0.append(note) } }))
        #expect(values == [1, nil, nil, nil, nil])
        let last = notes.withLock { $0.last }
        // The last word is what people see: it says why.
        let prefix =
            "reward r: 3 answers in a row failed, and another one is not tried: the program gave 0 of 1 answers"
        #expect(last?.hasPrefix(prefix) == !isOnePrompt)
        #expect(try String(contentsOfFile: mark, encoding: .utf8).split(separator: "\n").count == starts)
    }

    @Test(arguments: [
        (#"{"score": 0.5, "error": ""}"#, 0.5), (#"{"score": 0.5, "error": false}"#, 0.5),
        (#"{"score": 0.5, "error": null}"#, 0.5), (#"{"score": 0.5, "error": 0}"#, 0.5),
        (#"{"score": 0.5, "error": []}"#, 0.5), (#"{"score": 0.5, "error": "late"}"#, nil),
        (#"{"score": 0.5, "error": true}"#, nil), (#"{"error": ""}"#, nil),
    ])
    func anEmptyErrorIsNoError(_ line: String, _ score: Float?) {
        let answer = CommandAnswer(line: line.utf8)
        #expect(answer?.score == score && (answer?.refusal == nil) == (score != nil))
    }

    @Test(arguments: [
        // A line too many, a line too few, its end before and after an answer, silence, text, a closed pipe.
        (#"say(json.dumps({"score": score}) + "\n"); (word == "bb") and say('{"score": 99}\n')"#, "more lines"),
        (#"(word == "ccc") or say(json.dumps({"score": score}) + "\n")"#, "4 of 5 answers"),
        (
            #"(word == "ccc") and sys.exit("no more"); say(json.dumps({"score": score}) + "\n")"#,
            "exit code 1): no more"
        ),
        (#"(word == "dddd") and os.kill(os.getpid(), 9); say(json.dumps({"score": score}) + "\n")"#, "signal 9"),
        (#"(word == "eeeee") and time.sleep(60); say(json.dumps({"score": score}) + "\n")"#, "timeout_s"),
        (
            #"signal.signal(15, signal.SIG_IGN); (word == "a") and time.sleep(60); say(json.dumps({"score": score}) + "\n")"#,
            "timeout_s"
        ),
        (#"(word == "bb") and say("thinking\n"); say(json.dumps({"score": score}) + "\n")"#, "'thinking'"),
        (#"(word == "bb") and os.close(1); say(json.dumps({"score": score}) + "\n")"#, "the program ended"),
        (
            #"assert word != "a", "bad a"; say(json.dumps({"score": score}) + "\n")"#,
            "AssertionError: bad a"
        ),
    ])
    func aFaultCostsOneAnswerAtMostAndShiftsNone(_ program: String, _ note: String) async throws {
        // Long enough for Python to start beside whatever else runs.
        let hangs = note == "timeout_s" || note == "4 of 5 answers"
        let result = try await run(program, timeout: hangs ? 5 : 30, jobs: hangs ? 1 : 2)
        let failed = zip(result.values, expected).filter { $0 != $1 }
        #expect(failed.count <= 1 && failed.allSatisfy { $0.0 == nil }, "\(result)")
        #expect(result.notes.contains { $0.contains(note) }, "\(result.notes)")
    }

    /// Asked again in a program started anew, an answer that failed once has its score.
    @Test func whatFailsOnceIsAskedAgain() async throws {
        let mark = FileManager.default.temporaryDirectory.appending(path: "skein-once-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let result = try await run(
            """
            if word == "ccc" and not os.path.exists("\(mark)"):
                open("\(mark)", "w").close(); os._exit(3)
            \(Self.answer)
            """)
        #expect(result.values == expected && result.notes.contains { $0.contains("exit code 3") }, "\(result)")
    }

    @Test func aProgramMayLeaveAfterEachJob() async throws {
        let result = try await run(Self.answer + #"; (word == "eeeee") and sys.exit(0)"#, jobs: 3)
        #expect(result.values == expected, "\(result)")
    }

    @Test func noScoreIsSaidAndNotTriedAgain() async throws {
        let result = try await run(
            """
            answers = {"a": {"score": None}, "bb": {"error": "too short"}, "ccc": {"score": float("nan")}, "dddd": {"score": True}, "eeeee": {"score": "5"}}
            say(json.dumps(answers.get(word, {"score": score})) + "\\n")
            """)
        #expect(result.values == [nil, nil, nil, 1, nil] && result.notes.count == 1, "\(result)")
    }

    /// It reads nothing: more than a pipe holds is never written, and the time limit covers that too.
    @Test func aProgramThatReadsNothingIsHung() async throws {
        let reward = CommandReward(name: "r", argv: ["/bin/sleep", "60"], timeout: 0.3, retries: 0)
        let large = RewardInput(prompt: String(repeating: "x", count: 1 << 20), response: "", tokens: 1)
        let notes = Mutex<[String]>([])
        let values = try await reward.score(
            [large], context: RewardContext(progress: { true }, note: { note in notes.withLock { $0.append(note) } }))
        #expect(values == [nil] && notes.withLock { $0.first?.contains("timeout_s") == true })
    }

    @Test func aProgramThatIsNotThereEndsTheRun() async throws {
        let reward = CommandReward(name: "r", argv: ["/no/such/program"], timeout: 1, retries: 3)
        let error = await #expect(throws: RewardError.self) { try await reward.score(inputs) }
        #expect(error?.isPermanent == true && error?.message.contains("/no/such/program") == true)
    }

    /// A job that was called back waits for nothing.
    @Test func aJobThatIsCalledBackEnds() async throws {
        let reward = CommandReward(name: "r", argv: ["/bin/sleep", "60"], timeout: 3600, retries: 3)
        await #expect(throws: CancellationError.self) {
            try await reward.score(inputs, context: RewardContext(progress: { false }, note: { _ in }))
        }
    }
}
