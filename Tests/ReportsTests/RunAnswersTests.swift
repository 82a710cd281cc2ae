import Foundation
import Reports
import Testing

/// The answers that a run directory keeps.
@Suite struct RunAnswersTests {
    @Test func answersToOnePromptComeTogether() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-answers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let samples = [
            (1, "p", "first"), (1, "q", "alone"), (2, "p", "second"), (2, "p", "first"), (3, "r", "x"), (3, "r", "x"),
        ]
        let lines = samples.map { #"{"step":\#($0.0),"prompt":"\#($0.1)","response":"\#($0.2)"}"# }
        // The last line was cut short.
        let text = lines.joined(separator: "\n") + "\n{\"step\":4,\"pro"
        try text.write(to: folder.appending(path: "samples.jsonl"), atomically: true, encoding: .utf8)
        let found = RunAnswers.read(runDirectory: folder.path)
        #expect(found.map(\.prompt) == ["p"])
        // The newest first; the same text once, by its newest source.
        #expect(
            found.first?.answers == [
                .init(source: "policy step 2", text: "first"), .init(source: "policy step 2", text: "second"),
            ])
        #expect(RunAnswers.read(runDirectory: "/nowhere").isEmpty)
    }
}
