import Foundation
import Testing

/// Every committed input, crashes that were found and mended among them, goes through what reads it, as in the fuzzer.
@Suite(.serialized) struct CorpusTests {
    private static func files(_ input: FuzzInput) throws -> [URL] {
        let folder = try #require(Bundle.module.url(forResource: "Corpora", withExtension: nil))
        return try FileManager.default.contentsOfDirectory(
            at: folder.appending(path: input.rawValue), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    @Test(arguments: FuzzInput.allCases) func isReadOrRefused(_ input: FuzzInput) throws {
        defer { JournalInputs.clear() }
        let files = try Self.files(input)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(input.rawValue)/\(file.lastPathComponent)") { try input.run(bytes) }
        }
    }
}
