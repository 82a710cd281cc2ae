import Console
import Foundation
import Testing

@Suite struct StepLinesTests {
    private func inFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "skein-lines-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write(text, path)
        try body(path)
    }

    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func told(_ lines: inout StepLines) -> [String] { lines.new().map { String(decoding: $0, as: UTF8.self) } }

    @Test func onlyNewWholeLinesAreTold() throws {
        try inFile("1\n2\n") { path in
            var lines = StepLines(path)
            #expect(told(&lines) == [])
            try write("1\n2\n3\n4", path)
            #expect(told(&lines) == ["3"])
            try write("1\n2\n3\n4\n5\n", path)
            #expect(told(&lines) == ["4", "5"] && told(&lines) == [])
        }
    }

    /// A crash cut a line short; the next process takes it out and writes it again.
    @Test func aLineThatWasCutShortRepeatsNone() throws {
        try inFile("1\n2\n3 and ha") { path in
            var lines = StepLines(path)
            try write("1\n2\n", path)
            #expect(told(&lines) == [])
            try write("1\n2\n3\n", path)
            #expect(told(&lines) == ["3"])
            try write("1\n2\n3\n4 and ha", path)
            #expect(told(&lines) == [])
            // Taken out and written again between two looks.
            try write("1\n2\n3\n4\n5 is a longer line\n", path)
            #expect(told(&lines) == ["4", "5 is a longer line"])
        }
    }

    @Test func aFileThatComesLaterOrIsWrittenAnewIsTold() throws {
        try inFile("1\n") { path in
            var later = StepLines(path + ".none")
            #expect(told(&later) == [])
            var lines = StepLines(path)
            try write("", path)
            #expect(told(&lines) == [])
            try write("a\n", path)
            #expect(told(&lines) == ["a"])
        }
    }
}
