import Foundation
import Testing
import Tokenizers

@testable import Datasets

/// A line means what Python's `json.loads` makes of it.
@Suite struct JSONLineTests {
    private func object(_ line: String) throws -> RowObject { try RowObject(line: Data(line.utf8)) }

    private func problem(_ line: String) -> String {
        do throws(RowProblem) {
            _ = try RowObject(line: Data(line.utf8))
            return "no error"
        } catch {
            return error.message
        }
    }

    @Test func theLastOfEqualKeysCounts() throws {
        #expect(try object(#"{"text":"a","text":"b"}"#).text("text") == "b")
        #expect(try !object(#"{"text":"a","text":null}"#).has("text"))
        let turns = try object(#"{"messages":[{"role":"user","role":"system","content":"x","content":"y"}]}"#)
        #expect(try turns.turns("messages") == [ChatMessage(role: "system", content: "y")])
        // The first place and the last value, as in a dict; also where keys are so many that they are looked up.
        #expect(try object(#"{"a":1,"b":2,"a":3}"#).members == [.init("a", .integer(3)), .init("b", .integer(2))])
        let many = (0..<100).map { #""k\#($0)":0"# } + (0..<100).map { #""k\#($0)":\#($0)"# }
        let members = try object("{\(many.joined(separator: ","))}").members
        #expect(members == (0..<100).map { .init("k\($0)", .integer($0)) })
    }

    @Test func composedAndDecomposedKeysAreTwoKeys() throws {
        let row = try object("{\"caf\u{E9}\":1,\"cafe\u{301}\":2}")
        #expect(row.json("caf\u{E9}") == .integer(1) && row.json("cafe\u{301}") == .integer(2))
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", String(repeating: "9", count: 400)])
    func numbersWithoutAValueMatterOnlyToWhoAsks(_ number: String) throws {
        let row = try object(#"{"text":"a","x":\#(number),"nested":[{"y":\#(number)}]}"#)
        #expect(try row.text("text") == "a")
        #expect { try row.number("x") } throws: {
            let message = ($0 as? RowProblem)?.message ?? ""
            return message.contains("'x' is") && message.contains("finite")
        }
    }

    @Test func integersThatPythonDoesNotReadAreRefused() {
        for (digits, isRead) in [(4_300, true), (4_301, false)] {
            let line = #"{"x":\#(String(repeating: "7", count: digits))}"#
            let row = try? object(line)
            #expect((row != nil) == isRead)
        }
    }

    @Test func numbers() throws {
        let row = try object(#"{"a":-0,"b":1.5e-3,"c":12345678901234567890,"d":"1","e":null,"f":true}"#)
        #expect(try row.number("a") == 0 && row.number("b") == 0.0015 && row.number("c") == 12_345_678_901_234_567_168)
        for (key, part) in [("d", "a string"), ("e", "is missing"), ("f", "a boolean"), ("g", "is missing")] {
            #expect { try row.number(key) } throws: {
                let message = ($0 as? RowProblem)?.message ?? ""
                return message.contains("'\(key)'") && message.contains(part)
            }
        }
    }

    @Test(arguments: [
        (#"{"text":"a\ud83d"}"#, "half of a surrogate pair"), (#"{"text":"\udc00"}"#, "half of a surrogate pair"),
        (#"{"text":"\ud83d\ud83d"}"#, "half of a surrogate pair"),
        (#"{"a\ud83d":1}"#, "half of a surrogate pair"),
        ("{\"text\":\"a\tb\"}", "a control character in a string must be escaped (column 11)"),
        ("{\"text\":\"é\u{1}\"}", "must be escaped (column 11)"),
        (#"{"text":01}"#, "needless 0"), (#"{"text":1.}"#, "a digit after the point"),
        (#"{"text":-}"#, "not a JSON value"), (#"{"text":1e}"#, "a digit in the exponent"),
        (#"{"text":nan}"#, "not a JSON value"), (#"{"text":-NaN}"#, "not a JSON value"),
        (#"{"text":.5}"#, "not a JSON value"), (#"{"text":+1}"#, "not a JSON value"),
        (#"{"text":'a'}"#, "not a JSON value"), (#"{"text":"a",}"#, "expected a key"),
        (#"{"text":"a"}{"text":"b"}"#, "more text after the end"), (#"{"text":"a\x"}"#, "unknown escape"),
        (#"{"text":"a"#, "ends inside a string"), (#"{"text""#, "expected ':'"),
    ]) func theReasonIsTheRightOne(_ line: String, _ reason: String) {
        #expect(problem(line).contains(reason), "\(problem(line))")
    }

    @Test(arguments: [
        (#"{"text":"\ud83d\ude00"}"#, "\u{1F600}"), (#"{"text":"\u0000a\u2028"}"#, "\u{0}a\u{2028}"),
        ("{\"text\":\"a\u{2028}b\u{2029}c\u{85}d\u{7F}\"}", "a\u{2028}b\u{2029}c\u{85}d\u{7F}"),
        (" \t{ \"text\" : \"a\" } \t", "a"), ("{\"text\":\"cafe\u{301}\"}", "cafe\u{301}"),
    ]) func textsAreAsWritten(_ line: String, _ text: String) throws {
        #expect(try object(line).text("text").unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    /// Python reads about a thousand levels. 512 KB is the smallest stack that a thread has here.
    @Test func deepNestingIsReadOrRefusedAndNeverATrap() async throws {
        @Sendable func line(_ depth: Int, _ open: String, _ close: String) -> String {
            let (opening, closing) = (String(repeating: open, count: depth), String(repeating: close, count: depth))
            return #"{"x":\#(opening)0\#(closing),"text":"a"}"#
        }
        for (open, close, levels) in [("[", "]", 1), (#"{"k":"#, "}", 1), (#"[{"k":"#, "}]", 2)] {
            let answers = await withCheckedContinuation { continuation in
                let thread = Thread {
                    let read = try? RowObject(line: Data(line(1000 / levels, open, close).utf8))
                    let text = read.flatMap { try? $0.text("text") }
                    continuation.resume(returning: [text ?? "none", self.problem(line(50_000, open, close))])
                }
                thread.stackSize = 512 << 10
                thread.start()
            }
            #expect(answers[0] == "a")
            #expect(answers[1].contains("nested deeper than 1100"))
        }
    }

    @Test func oneLongLineIsReadInOnePiece() throws {
        let text = String(repeating: "word \u{E9}\\n", count: 3 << 20)
        let file = try TemporaryFile("{\"text\":\"\(text)\"}\n{\"text\":\"b\"}")
        let rows = try LoadedRows<TextRow>.read(path: file.path).rows
        #expect(rows.count == 2 && rows[0].text.utf8.count == (3 << 20) * 8 && rows[1].text == "b")
    }

    @Test func blankLinesOfAllKindsArePassedOver() throws {
        let file = try TemporaryFile("\u{FEFF}\r\n{\"text\":\"a\"}\r\n\r\n \t\r\n\u{B}\u{C}\n{\"text\":\"b\"}\r\n\r\n")
        let read = try LoadedRows<TextRow>.read(path: file.path)
        #expect(read.rows.map(\.text) == ["a", "b"] && read.lines == [2, 6] && read.skipped == 0)
    }
}
