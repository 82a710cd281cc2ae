import Foundation
import Testing

@testable import Keys

/// A key that comes through an ssh session: the line is taken, and the input goes on being open.
@Suite struct KeyOnInputTests {
    private func firstLine(_ text: String, closes: Bool = false) throws -> (line: String, rest: Data) {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        if closes { try pipe.fileHandleForWriting.close() }
        let line = try KeySource.firstLine(of: pipe.fileHandleForReading.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        return (line, pipe.fileHandleForReading.readDataToEndOfFile())
    }

    @Test func remarksArePassedOverAndNothingBehindTheLineIsRead() throws {
        let (line, rest) = try firstLine("# a secret\n\nskein-key-1 generator a b c\nrest")
        #expect(line == "skein-key-1 generator a b c")
        #expect(rest == Data("rest".utf8))
    }

    @Test(arguments: ["", "# only a remark\n", "no end of line", String(repeating: "#\n", count: 5000)])
    func anInputWithoutAKeyIsSaid(_ text: String) {
        #expect(throws: KeyError.self) { try firstLine(text, closes: true) }
    }
}
