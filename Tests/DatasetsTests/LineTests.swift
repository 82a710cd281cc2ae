import Foundation
import Testing
import Tokenizers

@testable import Datasets

/// A file that is removed at the end of the test.
struct TemporaryFile: ~Copyable {
    let path: String

    init(_ bytes: Data) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID()).jsonl").path
        try bytes.write(to: URL(filePath: path))
    }

    init(_ text: String) throws { try self.init(Data(text.utf8)) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct LineTests {
    private func lines(_ text: String, longest: Int = 1 << 20) throws -> [String?] {
        let file = try TemporaryFile(text)
        let reader = try LineReader(path: file.path, longest: longest)
        var found: [String?] = []
        while let line = try reader.next() {
            #expect(line.number == found.count + 1)
            found.append(line.bytes.map { String(decoding: $0, as: UTF8.self) })
        }
        #expect(try reader.next() == nil)
        return found
    }

    @Test func endsOfLines() throws {
        #expect(try lines("") == [])
        #expect(try lines("a\nb\r\n\nc") == ["a", "b", "", "c"])
        #expect(try lines("\u{FEFF}a\n\u{FEFF}b\n") == ["a", "\u{FEFF}b"])
        #expect(try lines("a\rb\r\r\n") == ["a\rb\r"])
    }

    @Test func longLinesArePassedOverInBoundedMemory() throws {
        let long = String(repeating: "x", count: 300_000)
        #expect(try lines("a\n\(long)\nb\n\(long)", longest: 1000) == ["a", nil, "b", nil])
        #expect(try lines("\(long)\nb") == [long, "b"])
        #expect(try lines("12345\n1234\n", longest: 4) == [nil, "1234"])
    }

    @Test func manyLinesAcrossChunks() throws {
        let expected = (0..<20_000).map { "line \($0) \(String(repeating: "y", count: $0 % 97))" }
        #expect(try lines(expected.joined(separator: "\n")) == expected)
    }
}

@Suite struct RowTests {
    @Test func everyFormatOfTheField() throws {
        let demonstrations = try TemporaryFile(
            """
            {"prompt":"Hi","completion":"Hello","extra":[1,{"a":null}]}
            {"messages":[{"role":"system","content":"Be kind"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}
            {"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Hey"}]}
            """)
        let rows = try LoadedRows<DemonstrationRow>.read(path: demonstrations.path)
        #expect(rows.lines == [1, 2, 3])
        #expect(rows.rows[0].prompt == .text("Hi") && rows.rows[0].completion == .text("Hello"))
        let kind = ChatMessage(role: "system", content: "Be kind")
        let hi = ChatMessage(role: "user", content: "Hi")
        #expect(rows.rows[1].prompt == .turns([]))
        #expect(rows.rows[1].completion == .turns([kind, hi, ChatMessage(role: "assistant", content: "Yo")]))
        #expect(rows.rows[2].prompt == .turns([hi]))
        #expect(rows.rows[2].completion == .turns([ChatMessage(role: "assistant", content: "Hey")]))
        #expect(PromptText.turns([kind, hi]).plain == "system: Be kind\nuser: Hi")

        let prompts = try TemporaryFile(
            "{\"prompt\":\"a\"}\r\n\r\n  \n{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}")
        let read = try LoadedRows<PromptRow>.read(path: prompts.path)
        #expect(read.rows.map(\.prompt) == [.text("a"), .turns([ChatMessage(role: "user", content: "b")])])
        #expect(read.lines == [1, 4])

        let texts = try TemporaryFile(#"{"text":"line\nbreak 👩‍🔬"}"#)
        #expect(try LoadedRows<TextRow>.read(path: texts.path).rows.map(\.text) == ["line\nbreak 👩‍🔬"])
    }

    /// Some kilobytes of a packed file hold them, and as values they would take gigabytes.
    @Test func aLineOfMillionsOfValuesIsRefused() throws {
        let zeros = String(repeating: "0,", count: 4_000_000)
        let file = try TemporaryFile("{\"prompt\":\"a\",\"x\":[\(zeros)0]}\n")
        #expect { try LoadedRows<PromptRow>.read(path: file.path) } throws: {
            "\($0)".contains("more than 4000000 values")
        }
    }

    @Test(arguments: [
        ("{", "not valid JSON"), ("[1]", "must be a JSON object"), ("3", "must be a JSON object"),
        (#"{"prompt":3}"#, "'prompt' must be a text"), ("{}", "neither 'prompt' nor 'messages'"),
        (#"{"prompt":""}"#, "the prompt is empty"), (#"{"prompt":null}"#, "neither"),
        (#"{"messages":[]}"#, "'messages' is empty"), (#"{"messages":[{"role":"user"}]}"#, "must be a list of"),
        (#"{"messages":[{"role":"assistant","content":"x"}]}"#, "nothing to answer"),
        (String(repeating: "[", count: 100_000), "nested deeper than"),
        (#"{"prompt":"a","x":\#(String(repeating: "[", count: 100_000))"#, "nested deeper than"),
        (#"{"prompt":["x"]}"#, "'prompt' must be a list of"),
    ])
    func badPromptLinesAreNamed(_ line: String, _ message: String) throws {
        let file = try TemporaryFile("{\"prompt\":\"good\"}\n\(line)\n")
        #expect {
            try LoadedRows<PromptRow>.read(path: file.path)
        } throws: { error in
            (error as? DatasetError)?.code == .line && "\(error)".contains("\(file.path):2: ")
                && "\(error)".contains(message)
        }
        let skipping = try LoadedRows<PromptRow>.read(path: file.path, onBadLine: .skip)
        #expect(skipping.rows.count == 1 && skipping.skipped == 1 && skipping.problems[0].contains(message))
    }

    @Test(arguments: [
        (#"{"prompt":"p","chosen":"a","rejected":"a"}"#, "are the same"),
        (#"{"prompt":"p","chosen":"a"}"#, "'rejected' is missing"),
        (#"{"chosen":"a","rejected":"b"}"#, "'prompt' is missing"),
        (#"{"chosen":[{"role":"user","content":"x"}],"rejected":"b"}"#, "must be the assistant's"),
    ])
    func badPairsAreNamed(_ line: String, _ message: String) throws {
        let file = try TemporaryFile(line)
        #expect { try LoadedRows<PreferenceRow>.read(path: file.path) } throws: { "\($0)".contains(message) }
    }

    @Test func bytesThatAreNoTextAreABadLine() throws {
        let file = try TemporaryFile(Data("{\"prompt\":\"".utf8) + [0xFF, 0xFE] + Data("\"}\n".utf8))
        #expect { try LoadedRows<PromptRow>.read(path: file.path) } throws: { "\($0)".contains("not UTF-8") }
    }

    @Test func longLineIsABadLineAndNotAnOutOfMemory() throws {
        let file = try TemporaryFile("{\"prompt\":\"\(String(repeating: "x", count: 5000))\"}\n{\"prompt\":\"y\"}")
        #expect { try LoadedRows<PromptRow>.read(path: file.path, longest: 1000) } throws: {
            "\($0)".contains("longer than 1000")
        }
        #expect(try LoadedRows<PromptRow>.read(path: file.path, onBadLine: .skip, longest: 1000).lines == [2])
    }

    @Test func filesThatGiveNothingAreErrors() throws {
        let empty = try TemporaryFile("")
        #expect { try LoadedRows<PromptRow>.read(path: empty.path) } throws: { "\($0)".contains("it is empty") }
        let bad = try TemporaryFile("x\ny\n")
        #expect {
            try LoadedRows<PromptRow>.read(path: bad.path, onBadLine: .skip)
        } throws: { "\($0)".contains("none of its 2 lines is good") && ($0 as? DatasetError)?.code == .empty }
        #expect { try LoadedRows<PromptRow>.read(path: "/nonexistent") } throws: { "\($0)".contains("No such file") }
        #expect { try LoadedRows<PromptRow>.read(path: "/tmp") } throws: { "\($0)".contains("is a directory") }
    }

    @Test func readersTakeComplaintsAboutGoodLines() throws {
        let file = try TemporaryFile("{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\n")
        let stopping = try RowReader<PromptRow>(path: file.path)
        _ = try stopping.next()
        #expect { try stopping.reject("too long") } throws: { "\($0)".contains(":1: too long") }
        let skipping = try RowReader<PromptRow>(path: file.path, onBadLine: .skip)
        _ = try skipping.next()
        try skipping.reject("too long")
        #expect(skipping.skipped == 1)
    }
}
